// The square of hole cards: each cell divided by action, filled as far as its hands come here.

import { el, percent, count } from "./dom.js";

const NEGLIGIBLE = 0.005;

export function classNames(ranks) {
  const names = [];
  [...ranks].forEach((one, row) => [...ranks].forEach((two, column) => {
    const [high, low] = row <= column ? [one, two] : [two, one];
    names.push(high + low + (row === column ? "" : row < column ? "s" : "o"));
  }));
  return names;
}

export function classOf(ranks, hand) {
  const one = ranks.indexOf(hand[0]);
  const two = ranks.indexOf(hand[2]);
  const [better, worse] = [Math.min(one, two), Math.max(one, two)];
  const suited = hand[1] === hand[3];
  return suited ? better * ranks.length + worse : worse * ranks.length + better;
}

function mostLikely(cell) {
  let best = 0;
  cell.probability.forEach((share, index) => { if (share > cell.probability[best]) best = index; });
  return best;
}

function foot(cell, place, only) {
  if (cell.hands === 0 || cell.weight < NEGLIGIBLE) return "";
  if (cell.probability === null) return "?";
  const index = only === null ? mostLikely(cell) : only;
  const action = place.actions[index];
  const letter = /[0-9]/.test(action.letter) ? `${action.letter}:` : action.letter;
  return letter + Math.round(100 * cell.probability[index]);
}

export function describe(cell, place) {
  if (cell.hands === 0) return `${cell.name}: the board leaves none`;
  const what = cell.probability === null
    ? "never visited in training: no strategy"
    : place.actions.map((action, index) => `${action.name} ${percent(cell.probability[index])}`)
      .join(", ");
  return `${cell.name}: ${what}; ${percent(cell.weight)} of ${cell.hands} hands come here, ` +
    `${count(cell.visits)} visits`;
}

function bars(cell, place, only) {
  if (cell.hands === 0 || cell.probability === null || cell.weight < NEGLIGIBLE) return null;
  const parts = cell.probability.map((share, index) => {
    if (share <= 0) return null;
    const faded = only !== null && only !== index;
    return el("span", { class: faded ? "part faded" : "part", style: {
      width: `${100 * share}%`, backgroundColor: faded ? "" : place.actions[index].colour } });
  });
  return el("span", { class: "bars", style: { height: `${100 * Math.min(cell.weight, 1)}%` } },
    parts);
}

export function matrix(place, view, onPick, onLook) {
  const cells = place.chart.classes;
  const size = place.ranks.length;
  const rows = [];
  for (let row = 0; row < size; row += 1) {
    const line = el("div", { role: "row", class: "row" });
    for (let column = 0; column < size; column += 1) {
      const index = row * size + column;
      const cell = cells[index];
      const kind = cell.hands === 0 ? "gone" : cell.weight < NEGLIGIBLE ? "away"
        : cell.probability === null ? "never" : "here";
      line.append(el("div", {
        role: "gridcell", class: `cell ${kind}`, "data-index": index,
        tabindex: index === view.cell ? 0 : -1, "aria-label": describe(cell, place),
        "aria-selected": index === view.picked ? "true" : "false",
        onclick: () => onPick(index), onfocus: () => onLook(index),
        onmouseenter: () => onLook(index),
      }, el("span", { class: "name" }, cell.name),
        el("span", { class: "field" }, bars(cell, place, view.only)),
        el("span", { class: "foot" }, foot(cell, place, view.only))));
    }
    rows.push(line);
  }
  const grid = el("div", { role: "grid", class: "matrix", "aria-label": "hole cards",
    style: { "--size": size } }, rows);
  grid.style.setProperty("--size", size);
  grid.addEventListener("keydown", (event) => steer(event, grid, size, onPick));
  return grid;
}

function steer(event, grid, size, onPick) {
  const here = Number(event.target.dataset.index);
  if (Number.isNaN(here)) return;
  const [row, column] = [Math.floor(here / size), here % size];
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
    Home: [0, -column], End: [0, size - 1 - column] };
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    onPick(here);
    return;
  }
  const step = steps[event.key];
  if (!step) return;
  event.preventDefault();
  const [down, right] = [row + step[0], column + step[1]];
  if (down < 0 || right < 0 || down >= size || right >= size) return;
  const next = grid.querySelector(`[data-index="${down * size + right}"]`);
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
