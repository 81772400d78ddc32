// The table as the player sees it: seats, bets, cards; other people's cards have backs.

import { card, cardName, cardsOf, count, el } from "./dom.js";

const BACK = "🂠";

function cards(texts, name) {
  return el("span", { class: "cards", role: "img", "aria-label": texts.length
    ? `${name}: ${texts.map(cardName).join(", ")}` : `${name}: none` }, texts.map(card));
}

function seat(each) {
  const words = [each.folded ? "folded" : null, each.all_in ? "all-in" : null,
    each.acts ? "to act" : null].filter(Boolean);
  const hidden = el("span", { class: "cards back", role: "img", "aria-label": each.folded
    ? "folded" : "two hidden cards" }, each.folded ? "–" : BACK + BACK);
  return el("li", { class: `seat${each.you ? " you" : ""}${each.acts ? " now" : ""}` +
    `${each.folded ? " gone" : ""}` },
  el("b", null, each.position, each.you ? " (you)" : ""),
  each.cards ? cards(each.cards, each.position) : hidden,
  el("span", { class: "chips" }, count(each.stack)),
  each.bet ? el("span", { class: "bet" }, `bet ${count(each.bet)}`) : null,
  words.length ? el("span", { class: "quiet" }, words.join(", ")) : null,
  each.won ? el("span", { class: each.won > 0 ? "won" : "quiet" },
    `${each.won > 0 ? "+" : "−"}${count(Math.abs(each.won))}`) : null);
}

export function drawTable(shown) {
  return [
    el("h2", null, `Hand ${shown.hand}: ${shown.position}, ${shown.street}`),
    el("div", { class: "felt" },
      el("p", { class: "middle" }, cards(shown.board, "board"),
        el("span", { class: "pot" }, `pot ${count(shown.pot)}`)),
      el("ul", { class: "seats" }, shown.seats.map(seat))),
  ];
}

// For who does not see the page: what is new, in one line.
export function tableWords(shown) {
  if (shown.over) return shown.over.told.join("; ");
  const last = shown.log[shown.log.length - 1];
  const done = last ? last.moves.slice(-(shown.seats.length - 1)).join(", ") : "";
  const own = cardsOf(shown.hole.join("")).map(cardName).join(" and ");
  return `${done}${done ? "; " : ""}your turn with ${own}: pot ${count(shown.pot)}, ${shown.turn.call}`;
}
