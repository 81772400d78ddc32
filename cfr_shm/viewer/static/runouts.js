// Every card that may come next: how often the first player takes each action, equity, EVs.

import { el, card, cardName, count, percent } from "./dom.js";

const SUITS = ["s", "h", "d", "c"];

const number = (value, digits) => value === null ? "–" : value.toFixed(digits);

// What a cell shows: key, name, and text of a row.
export function metrics(found) {
  const other = found.player === "OOP" ? "IP" : "OOP";
  return [
    { key: "", name: `${found.player}'s actions` },
    { key: "equity", name: `${found.player}'s equity`, text: (row) => percent(row.equity, 0),
      value: (row) => row.equity },
    { key: "ev", name: `EV ${found.player}`, text: (row) => number(row.ev, 1),
      value: (row) => row.ev },
    { key: "ev_other", name: `EV ${other}`, text: (row) => number(row.ev_other, 1),
      value: (row) => row.ev_other },
    { key: "eqr", name: `${found.player}'s EQR`, text: (row) => number(row.eqr, 2),
      value: (row) => row.eqr },
  ];
}

function likeliest(row, found) {
  let best = 0;
  row.probability.forEach((share, index) => { if (share > row.probability[best]) best = index; });
  const { letter } = found.actions[best];
  const told = row.probability[best];
  if (told === null) return "–";
  return (/[0-9]/.test(letter) ? `${letter}:` : letter) + Math.round(100 * told);
}

function describe(row, found) {
  const actions = found.actions.map((action, index) =>
    `${action.name} ${percent(row.probability[index])}`).join(", ");
  const mark = row.rare ? "; hardly ever comes here" : "";
  return `${cardName(row.card)}: ${actions}; equity ${percent(row.equity)}, EV ` +
    `${number(row.ev, 2)} and ${number(row.ev_other, 2)}${mark}`;
}

// From red over yellow to green, as values rise; hardly ever played ones stretch no scale.
function scale(rows, value) {
  const known = rows.filter((row) => !row.rare && value(row) !== null).map(value);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return (row) => {
    const at = high > low ? (value(row) - low) / (high - low) : 0.5;
    return `hsl(${Math.round(125 * Math.min(Math.max(at, 0), 1))} 60% 50%)`;
  };
}

function bars(row, found, metric, colour) {
  if (metric.value) {
    return metric.value(row) === null ? null
      : el("span", { class: "bars whole", style: { backgroundColor: colour(row) } });
  }
  return el("span", { class: "bars whole" }, row.probability.map((share, index) => share > 0
    ? el("span", { class: "part", style: { width: `${100 * share}%`,
      backgroundColor: found.actions[index].colour } }) : null));
}

function grid(found, metric, pick) {
  const rows = new Map(found.cards.map((row) => [row.card, row]));
  const ranks = [...found.ranks];
  const colour = metric.value ? scale(found.cards, metric.value) : null;
  let first = true;
  const lines = SUITS.map((suit, line) => el("div", { role: "row", class: "row" },
    ranks.map((rank, column) => {
      const row = rows.get(rank + suit);
      if (!row) {
        return el("div", { role: "gridcell", class: "cell gone",
          "aria-label": `${cardName(rank + suit)} cannot come` },
        el("span", { class: "name" }, card(rank + suit)));
      }
      const tabindex = first ? 0 : -1;
      first = false;
      return el("div", { role: "gridcell", class: row.rare ? "cell never" : "cell here", tabindex,
        "data-card": row.card, "data-at": `${line}-${column}`, "aria-label": describe(row, found),
        onclick: () => pick(row.card) },
      el("span", { class: "name" }, card(row.card)),
      el("span", { class: "field" }, row.rare ? null : bars(row, found, metric, colour)),
      el("span", { class: "foot" }, `${metric.text ? metric.text(row) : likeliest(row, found)}` +
        `${row.rare ? "*" : ""}`));
    })));
  const whole = el("div", { role: "grid", class: "matrix runouts", "aria-label": "next cards" },
    lines);
  whole.style.setProperty("--size", ranks.length);
  whole.addEventListener("keydown", (event) => steer(event, whole, ranks.length, pick));
  return whole;
}

function steer(event, whole, columns, pick) {
  const { card: held, at } = event.target.dataset;
  if (!at) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pick(held);
    return;
  }
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0],
    ArrowDown: [1, 0] }[event.key];
  if (!step) return;
  event.preventDefault();
  let [line, column] = at.split("-").map(Number);
  let next = null;
  do { // over cards that cannot come
    line += step[0];
    column += step[1];
    next = whole.querySelector(`[data-at="${line}-${column}"]`);
  } while (!next && line >= 0 && column >= 0 && line < SUITS.length && column < columns);
  if (!next) return;
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function table(found, sort, change) {
  const named = [
    { key: "card", name: "Card", value: (row) => -found.cards.indexOf(row) },
    ...found.actions.map((action, index) => ({ key: action.token, name: action.name,
      value: (row) => row.probability[index], text: (row) => percent(row.probability[index]) })),
    { key: "reach", name: "Reach", value: (row) => row.reach, text: (row) => percent(row.reach) },
    { key: "equity", name: "Equity", value: (row) => row.equity,
      text: (row) => percent(row.equity) },
    ...metrics(found).slice(2).map((metric) => ({ key: metric.key, name: metric.name,
      value: metric.value, text: (row) => number(metric.value(row), 3) })),
  ];
  const by = named.find((each) => each.key === sort.key) || named[0];
  const rows = found.cards.slice().sort((one, two) =>
    (sort.descending ? -1 : 1) * ((by.value(one) ?? -Infinity) - (by.value(two) ?? -Infinity)));
  const head = named.map((each) => el("th", { scope: "col", "aria-sort": each === by
    ? (sort.descending ? "descending" : "ascending") : null },
  el("button", { type: "button", class: "sort", onclick: () => change({ key: each.key,
    descending: each === by ? !sort.descending : true }) }, each.name,
  each === by ? (sort.descending ? " ▼" : " ▲") : "")));
  return el("div", { class: "scroll", tabindex: 0, role: "region",
    "aria-label": "table of next cards" },
  el("table", { class: "cards-table" }, el("thead", null, el("tr", null, head)),
    el("tbody", null, rows.map((row) => el("tr", null,
      el("th", { scope: "row" }, card(row.card), row.rare ? "*" : ""),
      named.slice(1).map((each) => el("td", null, each.text(row))))))));
}

// ``moves``: pick(card), metric(key).
export function runoutReport(found, chosen, moves) {
  const host = el("div", { class: "runout-report" });
  const known = metrics(found);
  const metric = known.find((each) => each.key === chosen) || known[0];
  let sort = { key: "card", descending: true };
  const draw = () => {
    const select = el("select", { id: "metric", onchange: (event) =>
      moves.metric(event.target.value) }, known.map((each) =>
      el("option", { value: each.key, selected: each === metric }, each.name)));
    host.replaceChildren(
      el("p", { class: "filters" }, el("label", { for: "metric" }, "Show"), select,
        el("span", { class: "quiet" }, `${count(found.cards.length)} cards; pot ` +
          `${count(found.pot)}; * hardly anybody comes there`)),
      grid(found, metric, moves.pick),
      el("p", { class: "quiet key" }, found.actions.map((action) => [
        el("span", { class: "sample", "aria-hidden": "true",
          style: { backgroundColor: action.colour } }, action.letter), `${action.name} `])),
      table(found, sort, (next) => { sort = next; draw(); }));
  };
  draw();
  return host;
}
