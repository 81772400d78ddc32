// Both players at one place: ranges, how equity is spread over them, what they are worth.

import { el, svg, percent } from "./dom.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [420, 220, 44, 26, 10];
const DASHES = ["none", "6 3"];
const METRICS = [
  { key: "equity", name: "Equity", text: (value) => percent(value, 0) },
  { key: "ev", name: "EV", text: (value) => value.toFixed(1) },
  { key: "eqr", name: "EQR", text: (value) => value.toFixed(2) },
];

const fixed = (value, digits) => value === null ? "–" : value.toFixed(digits);

function summary(found) {
  const rows = [
    ["Combos", (each) => each.combos.toFixed(1)], ["Of his range", (each) => percent(each.reach)],
    ["Equity", (each) => percent(each.equity, 2)], ["EV", (each) => fixed(each.ev, 3)],
    ["EQR", (each) => fixed(each.eqr, 3)],
  ];
  return el("table", { class: "versus" }, el("caption", null, "Side by side"),
    el("thead", null, el("tr", null, el("td"),
      found.players.map((each) => el("th", { scope: "col" }, each.player)))),
    el("tbody", null, rows.map(([name, text]) => el("tr", null, el("th", { scope: "row" }, name),
      found.players.map((each) => el("td", null, text(each)))))));
}

// Hands from the weakest to the strongest: where a line is higher, that part of the range is ahead.
function curves(found) {
  const x = (value) => LEFT + (WIDTH - LEFT - 8) * value;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value);
  const told = found.players.map((each) => {
    const at = (part) => percent((each.curve[Math.round(part * (each.curve.length - 1))] || [])[1], 0);
    return `${each.player}: a quarter of the range has less than ${at(0.25)} equity, half less than ` +
      `${at(0.5)}, three quarters less than ${at(0.75)}`;
  });
  return el("figure", { class: "spread" }, el("figcaption", null, "Equity over the range"),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": told.join("; ") },
      [0, 0.5, 1].map((value) => [
        svg("line", { class: "axis", x1: LEFT, x2: WIDTH - 8, y1: y(value), y2: y(value) }),
        svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, percent(value, 0))]),
      svg("text", { x: WIDTH - 8, y: HEIGHT - 8, "text-anchor": "end" },
        "part of the range, weakest hands first"),
      found.players.map((each, index) => svg("polyline", { class: `curve curve-${index}`,
        "stroke-dasharray": DASHES[index],
        points: each.curve.map(([part, equity]) => `${x(part)},${y(equity)}`).join(" ") }))),
    el("ul", { class: "legend" }, told.map((text, index) => el("li", null,
      svg("svg", { viewBox: "0 0 24 8", class: "sample", "aria-hidden": "true" },
        svg("line", { class: `curve curve-${index}`, "stroke-dasharray": DASHES[index],
          x1: 0, x2: 24, y1: 4, y2: 4 })), text))));
}

function square(each, size, metric, bounds) {
  const [low, high] = bounds;
  const cells = each.classes.map((cell) => {
    const value = cell[metric.key];
    const here = cell.weight >= 0.005 && value !== null;
    const at = high > low && here ? Math.min(Math.max((value - low) / (high - low), 0), 1) : 0.5;
    const kind = cell.hands === 0 ? "gone" : cell.rare ? "never" : here ? "here" : "away";
    return el("div", { class: `cell still ${kind}` }, el("span", { class: "name" }, cell.name),
      el("span", { class: "field" }, here && !cell.rare ? el("span", { class: "bars", style: {
        height: `${100 * Math.min(cell.weight, 1)}%`,
        backgroundColor: `hsl(${Math.round(125 * at)} 60% 50%)` } }) : null),
      el("span", { class: "foot" }, here ? metric.text(value) + (cell.rare ? "*" : "") : ""));
  });
  const rows = [];
  for (let row = 0; row < size; row += 1) {
    rows.push(el("div", { class: "row" }, cells.slice(row * size, (row + 1) * size)));
  }
  const whole = el("div", { class: "matrix", role: "img", "aria-label":
    `${each.player}'s range, filled by weight, red to green by ${metric.name}; the table has the ` +
    "numbers" }, rows);
  whole.style.setProperty("--size", size);
  return el("div", null, el("h2", null, `${each.player}: ${metric.name}`), whole);
}

function boundsOf(found, metric) {
  const values = found.players.flatMap((each) => each.classes.filter((cell) => !cell.rare &&
    cell.weight >= 0.005 && cell[metric.key] !== null).map((cell) => cell[metric.key]));
  return values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
}

function table(found) {
  const columns = [["weight", "weight", (value) => percent(value, 0)],
    ["equity", "equity", (value) => percent(value)], ["ev", "EV", (value) => fixed(value, 3)],
    ["eqr", "EQR", (value) => fixed(value, 3)]];
  const rows = found.players[0].classes.map((cell, index) =>
    found.players.map((each) => each.classes[index])).filter((pair) =>
    pair.some((cell) => cell.weight >= 0.005));
  return el("div", { class: "scroll", tabindex: 0, role: "region",
    "aria-label": "table of both players' classes" },
  el("table", null, el("thead", null, el("tr", null, el("th", { scope: "col" }, "Class"),
    found.players.map((each) => columns.map(([, name]) =>
      el("th", { scope: "col" }, `${each.player} ${name}`))))),
  el("tbody", null, rows.map((pair) => el("tr", null,
    el("th", { scope: "row" }, pair[0].name, pair.some((cell) => cell.rare && cell.hands) ? "*" : ""),
    pair.map((cell) => columns.map(([key, , text]) => el("td", null, cell.hands === 0 ||
      (key !== "weight" && (cell.weight < 0.005 || cell[key] === null)) ? "–" : text(cell[key]))))
  )))));
}

// ``moves``: metric(key).
export function playersReport(found, chosen, moves) {
  const metric = METRICS.find((each) => each.key === chosen) || METRICS[0];
  const size = found.ranks.length;
  const bounds = boundsOf(found, metric);
  return el("div", { class: "players-report" },
    el("div", { class: "versus-top" }, summary(found), curves(found)),
    el("p", { class: "filters" }, el("label", { for: "metric" }, "Colour by"),
      el("select", { id: "metric", onchange: (event) => moves.metric(event.target.value) },
        METRICS.map((each) => el("option", { value: each.key, selected: each === metric },
          each.name))),
      el("span", { class: "quiet" }, "* hardly ever held there")),
    el("div", { class: "squares" }, found.players.map((each) => square(each, size, metric, bounds))),
    table(found));
}
