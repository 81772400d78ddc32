// One place dealt again and again: what would you do, and what does the strategy?

import * as api from "./api.js";
import { card, cardName, count, el, percent, say } from "./dom.js";

export const KEYS = [
  ["1 to 9", "do what is offered there"], ["f, c or x", "fold, call or check"],
  ["n or Enter", "the next deal"], ["e", "EVs of the last answer, of two players"],
  ["?", "this list"],
];

let shown = null;
let asked = ""; // the place that is shown
let host = null;
let around = null;
let busy = false;

const at = (what) => `/api/trainers/${encodeURIComponent(shown.trainer)}${what}`;

export async function show(page, state, moves) {
  host = page;
  around = moves;
  const wanted = JSON.stringify([state.run, state.checkpoint, state.line, state.board]);
  if (shown && asked === wanted) {
    draw();
    return;
  }
  say("the place is being dealt …");
  shown = null;
  shown = await api.tell(api.ofRun(state.run, "trainers"),
    { checkpoint: state.checkpoint || null, line: state.line, board: state.board });
  asked = wanted;
  draw();
}

async function run(ask) {
  if (busy || !shown) return;
  busy = true;
  host.setAttribute("aria-busy", "true");
  document.getElementById("train-problem")?.remove();
  try {
    shown = await ask();
    draw();
  } catch (error) {
    host.append(el("p", { id: "train-problem", class: "error", role: "alert" }, error.message));
  }
  busy = false;
  host.setAttribute("aria-busy", "false");
}

const answer = (move) => run(() => api.tell(at("/answer"), { move, spot: shown.spot }));
const next = () => run(() => api.tell(at("/next"), {}));
const values = () => run(() => api.ask(at("/values")));

const cards = (texts, name) => el("span", { class: "cards", role: "img", "aria-label":
  `${name}: ${texts.map(cardName).join(", ") || "none"}` }, texts.map(card));

function question() {
  return el("div", { class: "acts", role: "group", "aria-label": "your turn" },
    el("div", { class: "buttons" }, shown.choices.map((each, index) => el("button", {
      type: "button", "data-move": each.move, class: index === 0 ? "choice-0" : null,
      onclick: () => answer(each.move) }, `${index + 1} ${each.name}`))));
}

function verdict() {
  const said = shown.answer;
  const ev = (each) => (each.ev === null ? "" : `, EV ${shown.big_blind
    ? `${(each.ev / shown.big_blind).toFixed(2)} bb` : each.ev.toFixed(2)}`);
  return el("div", { class: "ended" },
    el("p", { class: "outcome" }, said.text),
    said.lost ? el("p", { class: "worth" }, said.lost) : null,
    el("ul", { class: "shares" }, said.actions.map((each) => el("li", { class: each.taken
      ? "taken" : null }, el("span", { class: "bar", "aria-hidden": "true" }, el("span", {
      class: "part share-bar", style: { width: `${100 * each.share}%` } })),
    ` ${each.name} ${percent(each.share)}${ev(each)}${each.taken ? " ←" : ""}`))),
    el("div", { class: "buttons" },
      el("button", { type: "button", id: "next", class: "main", onclick: next }, "Next"),
      shown.valued && !said.lost ? el("button", { type: "button", id: "values", onclick: values },
        "EV of every action") : null));
}

function draw() {
  const said = shown.answer;
  host.replaceChildren(el("section", { class: "table trainer", "aria-label": `spot ${shown.spot}` },
    el("h2", null, `Spot ${shown.spot}: ${shown.position}, ${shown.street}`),
    shown.played ? el("p", { class: "played" }, shown.played) : null,
    el("div", { class: "felt" },
      el("p", { class: "middle" }, cards(shown.board, "board"),
        el("span", { class: "pot" }, `pot ${count(shown.pot)}, ${count(shown.to_call)} to call`)),
      el("p", { class: "middle" }, el("b", null, `${shown.position} (you)`),
        cards(shown.hole, "your cards"), shown.stacks.map((each) => el("span", { class: "quiet" },
          `${each.position} ${count(each.stack)}`)))),
    said ? verdict() : question(),
    el("div", { class: "result" }, el("p", null, `You against ${shown.strategy}, ${shown.score.text}`)),
    el("div", { class: "buttons" }, el("button", { type: "button",
      onclick: () => around.move({ view: "" }) }, "Back to the range"))));
  (document.getElementById("next") || document.querySelector(".choice-0"))?.focus();
  say(said ? said.text : `${shown.position} with ${shown.hole.map(cardName).join(" and ")}`);
}

// Returns whether the key means something here.
export function pressed(key) {
  if (!shown) return false;
  if (shown.answer) {
    if (key === "n" || (key === "Enter" && document.activeElement?.tagName !== "BUTTON")) next();
    else if (key === "e" && document.getElementById("values")) values();
    else return false;
    return true;
  }
  const typed = key === "c" || key === "x" ? ["c", "x"] : [key];
  const found = /^[1-9]$/.test(key) ? shown.choices[Number(key) - 1]
    : shown.choices.find((each) => typed.includes(each.move));
  if (!found) return false;
  answer(found.move);
  return true;
}
