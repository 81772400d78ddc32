// A table at which a person plays against the run's strategy; the server deals, and keeps it.

import * as api from "./api.js";
import { el, say, chipsText } from "./dom.js";
import { drawTable, tableWords } from "./table.js";
import { reviewPanel } from "./review.js";

export const KEYS = [
  ["f", "fold"], ["c or x", "call or check"], ["1 to 9", "bet or raise to a size that is offered"],
  ["b", "type a size: chips, 2.5bb, 0.5p, 50%, 3x"], ["a", "all-in"],
  ["n or Enter", "the next hand"], ["e", "EVs, after a hand of two players"],
  ["r", "open or close the review"], ["?", "this list"],
];

let shown = null; // what the server told last
let host = null;
let around = null;
let busy = false;

const at = (what) => `/api/tables/${encodeURIComponent(shown.table)}${what}`;

export async function show(page, state, moves) {
  host = page;
  around = moves;
  if (!state.table) {
    shown = null;
    draw(lobby(state));
    return;
  }
  if (!shown || shown.table !== state.table) {
    try {
      shown = await api.ask(`/api/tables/${encodeURIComponent(state.table)}`);
    } catch (error) {
      shown = null;
      draw(el("p", { class: "error", role: "alert" }, error.message), lobby(state));
      return;
    }
  }
  drawShown();
}

function draw(...parts) {
  host.replaceChildren(...parts);
}

// From which street on the strategy solves the rest of each hand anew, and for how long.
const RESOLVING = [["", "as it was trained"], ["river:0.5", "rivers solved anew, in 0.5 s"],
  ["turn:2", "turns and rivers solved anew, in 2 s"]];

function lobby(state) {
  const resolve = el("select", { id: "resolve" },
    RESOLVING.map(([value, name]) => el("option", { value }, name)));
  const seat = el("input", { id: "seat", type: "text", value: state.seat, size: 6,
    autocomplete: "off", placeholder: "in turn" });
  const sit = async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    host.setAttribute("aria-busy", "true");
    say("the cards are being shuffled …");
    try {
      shown = await api.tell(api.ofRun(state.run, "tables"),
        { checkpoint: state.checkpoint || null, seat: seat.value.trim(),
          resolve: resolve.value });
      around.correct({ table: shown.table, seat: seat.value.trim() });
      drawShown();
    } catch (error) {
      problem(error);
    }
    busy = false;
    host.setAttribute("aria-busy", "false");
  };
  return el("section", { class: "lobby", "aria-label": "play" },
    el("h2", null, "Play against the average strategy"),
    el("p", null, "It has all other seats. Any legal size may be bet; where its tree does not " +
      "have it, you are told after the hand what it was read as."),
    el("form", { class: "buttons", onsubmit: sit },
      el("label", { for: "seat" }, "Seat"), seat,
      el("label", { for: "resolve" }, "It plays"), resolve,
      el("button", { type: "submit", class: "main" }, "Sit down")),
    el("p", { class: "quiet" }, "A seat is named SB, BB, UTG, …, BTN; without one you sit one seat " +
      "on after every hand. Hands are solved anew in games of two. ? lists the keys."));
}

function problem(error) {
  document.getElementById("play-problem")?.remove();
  const told = el("p", { id: "play-problem", class: "error", role: "alert" }, error.message);
  host.append(told);
}

async function tell(what, document) {
  if (busy || !shown) return;
  busy = true;
  host.setAttribute("aria-busy", "true");
  try {
    shown = await api.tell(at(what), document);
    drawShown();
  } catch (error) {
    problem(error);
  }
  busy = false;
  host.setAttribute("aria-busy", "false");
}

const act = (move) => tell("/act", { move, hand: shown.hand });
const deal = () => tell("/deal", {});

function drawShown() {
  const over = shown.over;
  draw(el("section", { class: "table", "aria-label": `hand ${shown.hand}` },
    drawTable(shown), over ? ended(over) : turn(shown.turn), result()),
  over ? reviewPanel(over, shown.valued ? () => api.ask(at("/values"),
    { hand: over.hand }) : null, shown.big_blind) : log());
  say(tableWords(shown));
  document.getElementById(over ? "next" : "call")?.focus();
}

function turn(may) {
  const size = el("input", { id: "size", type: "text", size: 8, autocomplete: "off",
    spellcheck: "false", placeholder: "chips, 2.5bb, 50%" });
  const bet = (event) => {
    event.preventDefault();
    if (size.value.trim()) act(`b ${size.value.trim()}`);
    else size.focus();
  };
  return el("div", { class: "acts", role: "group", "aria-label": "your turn" },
    el("div", { class: "buttons" },
      may.may_fold ? el("button", { type: "button", id: "fold", onclick: () => act("f") }, "Fold")
        : null,
      el("button", { type: "button", id: "call", class: "main",
        onclick: () => act(may.call_token) }, capital(may.call)),
      may.sizes.map((each, index) => el("button", { type: "button", "data-chips": each.chips,
        onclick: () => act(`b ${each.chips}`) }, `${index + 1} ${capital(may.raise.verb)} `,
      each.chips.toLocaleString("en-US"), el("span", { class: "quiet" }, ` ${each.name}`)))),
    may.raise ? el("form", { class: "buttons", onsubmit: bet },
      el("label", { for: "size" }, `Another size, ${may.raise.least.toLocaleString("en-US")} to ` +
        may.raise.most.toLocaleString("en-US")), size,
      el("button", { type: "submit" }, capital(may.raise.verb))) : null);
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function ended(over) {
  return el("div", { class: "ended" },
    el("p", { class: "outcome" }, over.won > 0 ? `You win ${chipsText(over.won)}`
      : over.won < 0 ? `You lose ${chipsText(-over.won)}` : "You end even"),
    over.told.filter((line) => !/^you (win|lose|end)/.test(line)).map((line) => el("p", null, line)),
    el("div", { class: "buttons" },
      el("button", { type: "button", id: "next", class: "main", onclick: deal }, "Next hand"),
      shown.no_history ? el("span", { class: "quiet" }, `no hand history: ${shown.no_history}`) : [
        el("button", { type: "button", id: "copy", onclick: copy }, "Copy hands (PHH)"),
        el("a", { class: "button", href: at("/hands.phhs"), download: "hands.phhs" }, "Download"),
        el("a", { class: "button", href: at("/hands.phhs?cards=all"), download: "hands.phhs" },
          "Download with all cards")],
      el("button", { type: "button", onclick: () => around.move({ table: "" }) }, "Leave")));
}

async function copy() {
  try {
    const found = await api.ask(at("/history"));
    try {
      await navigator.clipboard.writeText(found.text);
      say(`copied ${found.hands} hands`);
    } catch {
      const dialog = el("dialog", { "aria-label": "hands" },
        el("label", { for: "phh" }, "Hand histories in PHH"),
        el("textarea", { id: "phh", readonly: true, rows: 12 }, found.text),
        el("button", { type: "button", onclick: () => dialog.close() }, "Close"));
      dialog.addEventListener("close", () => dialog.remove());
      document.body.append(dialog);
      dialog.showModal();
    }
  } catch (error) {
    problem(error);
  }
}

function result() {
  const { score, adjusted } = shown;
  if (!score.hands) return el("p", { class: "quiet result" }, `against ${shown.strategy}`);
  return el("div", { class: "result" },
    el("p", null, `You against ${shown.strategy}, ${score.text}`),
    el("p", { class: "quiet" }, `less the luck of the board and of its moves, ${adjusted.text}`));
}

function log() {
  return el("section", { class: "log", "aria-label": "what was done" }, shown.log.map((each) =>
    el("p", null, el("b", null, each.street), ` ${each.board} `, each.moves.join(", "))));
}

// Returns whether the key means something here.
export function pressed(key) {
  if (!shown) {
    if (key !== "n") return false;
    host.querySelector("form")?.requestSubmit();
    return true;
  }
  if (shown.over) {
    if (key === "n" || (key === "Enter" && document.activeElement?.tagName !== "BUTTON")) deal();
    else if (key === "e") document.getElementById("values")?.click();
    else if (key === "r") document.querySelector(".review summary")?.click();
    else return false;
    return true;
  }
  const may = shown.turn;
  const sized = /^[1-9]$/.test(key) ? may.sizes[Number(key) - 1] : null;
  if (key === "f" && may.may_fold) act("f");
  else if (key === "c" || key === "x") act(may.call_token);
  else if (key === "a" && may.raise) act("a");
  else if (key === "b" && may.raise) document.getElementById("size").focus();
  else if (sized) act(`b ${sized.chips}`);
  else return false;
  return true;
}
