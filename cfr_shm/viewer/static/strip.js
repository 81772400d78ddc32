// The strip of decisions along the line: who acted, what could be done, how often it is done.

import { el, card, cardName, percent, count } from "./dom.js";

const STREETS = ["Preflop", "Flop", "Turn", "River"];

function action(step, each, go) {
  const taken = each.token === step.taken;
  const share = each.share === null ? "" : percent(each.share, 0);
  const label = el("span", { class: "label" }, each.name);
  const told = el("span", { class: "share" }, share);
  if (each.ends && !taken) {
    return el("li", null, el("span", { class: "choice over" }, label, told,
      el("span", { class: "quiet" }, "ends the hand")));
  }
  return el("li", null, el("button", {
    type: "button", class: "choice", "aria-pressed": taken ? "true" : "false",
    "data-token": each.token,
    onclick: () => go(each.leads || `${step.before} ${each.token}`.trim()),
  }, label, told));
}

function decision(step, last, go) {
  return el("section", { class: last ? "step now" : "step",
    "aria-label": `${STREETS[step.street]}, ${step.position}` },
  el("h2", null, el("button", { type: "button", class: "who",
    onclick: () => go(step.before), "aria-label": `go back to ${step.position}, ` +
      `${STREETS[step.street]}` }, step.position),
  el("span", { class: "quiet" }, ` pot ${count(step.pot)}`)),
  el("ol", null, step.actions.map((each) => action(step, each, go))));
}

// The board, and arrows that step its last card to a neighbour.
function dealt(cards, street, newest, moves) {
  const last = cards[cards.length - 1];
  return el("section", { class: "step board", "aria-label": `${STREETS[street]}'s board` },
    el("h2", null, STREETS[street]),
    el("div", { class: "cards" }, cards.map(card)),
    !newest ? null : el("div", { class: "arrows" },
      el("button", { type: "button", onclick: () => moves.step(-1),
        "aria-label": `the card before ${cardName(last)}` }, "◀"),
      el("button", { type: "button", onclick: moves.pick }, "Change"),
      el("button", { type: "button", onclick: () => moves.step(1),
        "aria-label": `the card after ${cardName(last)}` }, "▶")));
}

export function strip(place, board, moves) {
  const parts = [];
  let street = 0;
  const first = place.strip.length ? place.strip[0].street : 0;
  place.strip.forEach((step, index) => {
    if (index === 0) street = first;
    if (step.street !== street || (index === 0 && step.street > 0)) {
      street = step.street;
      const cards = board.slice(0, place.board_counts[Math.max(street - first, 0)]);
      const newest = cards.length >= place.board.length;
      if (cards.length) parts.push(dealt(cards, street, newest, moves));
    }
    parts.push(decision(step, index === place.strip.length - 1, moves.go));
  });
  return el("nav", { class: "strip", "aria-label": "the line", tabindex: 0 }, parts);
}
