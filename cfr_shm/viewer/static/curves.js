// Curves of what runs measured of themselves, over iterations.

import { el, svg, count } from "./dom.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [420, 180, 58, 24, 10];
const DASHES = ["none", "6 3", "2 3", "8 3 2 3"];

function short(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return `${+(value / 1e9).toPrecision(3)}G`;
  if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  return `${+value.toPrecision(3)}`;
}

function picture(name, unit, lines) {
  const points = lines.flatMap((line) => line.points);
  const most = Math.max(...points.map((point) => point[0]), 1);
  const highs = points.map((point) => point[4] ?? point[2]);
  const lows = points.map((point) => point[3] ?? point[2]);
  const [low, high] = [Math.min(0, ...lows), Math.max(...highs, 1e-12)];
  const x = (value) => LEFT + (WIDTH - LEFT - 8) * value / most;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low));
  const drawn = lines.map((line, index) => [
    line.points.some((point) => point.length > 3) ? line.points.map((point) => svg("line", {
      class: "interval", x1: x(point[0]), x2: x(point[0]), y1: y(point[3]), y2: y(point[4]) }))
      : null,
    svg("polyline", { class: `curve curve-${index}`, "stroke-dasharray": DASHES[index % 4],
      points: line.points.map((point) => `${x(point[0])},${y(point[2])}`).join(" ") }),
    line.points.length === 1 ? svg("circle", { class: `dot curve-${index}`, r: 3,
      cx: x(line.points[0][0]), cy: y(line.points[0][2]) }) : null,
  ]);
  const last = lines.map((line) => {
    const point = line.points[line.points.length - 1];
    return `${line.run}: ${short(point[2])} ${unit} after ${count(point[0])} iterations`;
  });
  return el("figure", null,
    el("figcaption", null, `${name}${unit ? `, ${unit}` : ""}`),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
      "aria-label": `${name}; ${last.join("; ")}` },
    svg("line", { class: "axis", x1: LEFT, x2: WIDTH - 8, y1: y(low), y2: y(low) }),
    svg("line", { class: "axis", x1: LEFT, x2: LEFT, y1: TOP, y2: HEIGHT - BOTTOM }),
    svg("text", { x: LEFT - 6, y: y(high) + 8, "text-anchor": "end" }, short(high)),
    svg("text", { x: LEFT - 6, y: y(low), "text-anchor": "end" }, short(low)),
    svg("text", { x: WIDTH - 8, y: HEIGHT - 6, "text-anchor": "end" },
      `${short(most)} iterations`), drawn),
    el("ul", { class: "legend" }, last.map((text, index) => el("li", null,
      svg("svg", { viewBox: "0 0 24 8", class: "sample", "aria-hidden": "true" },
        svg("line", { class: `curve curve-${index}`, "stroke-dasharray": DASHES[index % 4],
          x1: 0, x2: 24, y1: 4, y2: 4 })), text))));
}

// ``documents``: [[run, curves], ...].
export function curvePanel(documents) {
  const names = [...new Set(documents.flatMap(([, each]) => each.map((curve) => curve.name)))];
  const pictures = names.map((name) => {
    const lines = documents.flatMap(([run, each]) => each.filter((curve) => curve.name === name)
      .map((curve) => ({ run, points: curve.points, unit: curve.unit })));
    return picture(name, lines[0].unit, lines);
  });
  return el("section", { class: "curves", "aria-label": "curves" }, el("h2", null, "Curves"),
    pictures.length ? pictures
      : el("p", { class: "quiet" }, "The run has measured nothing of itself yet."));
}
