// The board picker: a deck to choose from, in the order of dealing, or typed.

import { el, card, cardName, cardsOf, say } from "./dom.js";

export function pickBoard({ deck, need, counts, given, fixed }, done) {
  const cards = cardsOf(deck);
  const most = Math.max(...counts, need);
  let chosen = given.slice();
  const sizes = [...new Set(counts)].filter((each) => each > 0);
  const typed = el("input", { id: "typed-board", type: "text", autocomplete: "off",
    spellcheck: "false", placeholder: "7c 8c 9d" });
  const buttons = new Map();
  const told = el("p", { class: "quiet" });
  let wrong = "";

  function tell(text) {
    told.replaceChildren(wrong ? el("span", { class: "error", role: "alert" }, wrong) : text);
  }

  function draw() {
    for (const [name, button] of buttons) {
      const place = chosen.indexOf(name);
      button.setAttribute("aria-pressed", place >= 0 ? "true" : "false");
      button.disabled = fixed.includes(name);
    }
    if (!wrong) typed.value = chosen.join(" ");
    tell(need === 0 ? "No card lies there yet."
      : `${chosen.length} of at least ${need} cards; ${sizes.join(", ")} fit a street.`);
  }

  function toggle(name) {
    wrong = "";
    if (chosen.includes(name)) chosen = chosen.filter((each) => each !== name);
    else if (chosen.length < most) chosen = [...chosen, name];
    draw();
    if (chosen.length === need && need > given.length) finish();
  }

  function finish() {
    if (wrong) return;
    if (chosen.length < need) {
      tell(`${need} cards are needed, ${chosen.length} are chosen.`);
      return;
    }
    dialog.close();
    done(chosen);
  }

  function random() {
    wrong = "";
    const left = cards.filter((each) => !chosen.includes(each));
    while (chosen.length < Math.max(need, 1)) {
      chosen.push(left.splice(Math.floor(Math.random() * left.length), 1)[0]);
    }
    draw();
    finish();
  }

  typed.addEventListener("change", () => {
    const asked = cardsOf(typed.value);
    const found = asked.filter((each) => cards.includes(each));
    const twice = found.find((each, place) => found.indexOf(each) !== place);
    const none = asked.find((each) => !cards.includes(each));
    wrong = none ? `${none} is no card of this deck.` : twice ? `${twice} is named twice.` : "";
    if (wrong) {
      draw();
      return;
    }
    chosen = [...fixed, ...found.filter((each) => !fixed.includes(each))].slice(0, most);
    draw();
  });
  const suits = ["s", "h", "d", "c"].map((suit) => el("div", { class: "suit" },
    cards.filter((each) => each[1] === suit).reverse().map((name) => {
      const button = el("button", { type: "button", class: "pick", "aria-label": cardName(name),
        "data-card": name, onclick: () => toggle(name) }, card(name));
      buttons.set(name, button);
      return button;
    })));
  const dialog = el("dialog", { class: "picker", "aria-labelledby": "picker-title" },
    el("form", { method: "dialog", onsubmit: (event) => { event.preventDefault(); finish(); } },
      el("h2", { id: "picker-title" }, "Board"), told,
      el("label", { for: "typed-board" }, "Cards, as they were dealt"), typed,
      el("div", { class: "deck" }, suits),
      el("div", { class: "buttons" },
        el("button", { type: "button", onclick: random }, "Random"),
        el("button", { type: "button", onclick: () => { wrong = ""; chosen = fixed.slice(); draw(); } },
          "Clear"),
        el("button", { type: "submit", class: "main" }, "Done"),
        el("button", { type: "button", onclick: () => dialog.close() }, "Cancel"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  draw();
  dialog.showModal();
  const first = cards.find((each) => !chosen.includes(each));
  if (first) buttons.get(first).focus();
  say(need ? `choose ${need} cards` : "");
  return dialog;
}

// The card beside the last one in the deck that is not on the board.
export function neighbour(deck, board, step) {
  const cards = cardsOf(deck);
  const rest = board.slice(0, -1);
  let at = cards.indexOf(board[board.length - 1]);
  for (let tried = 0; tried < cards.length; tried += 1) {
    at = (at + step + cards.length) % cards.length;
    if (!rest.includes(cards[at])) return [...rest, cards[at]];
  }
  return board;
}
