// Reports of a solved spot below its place: every next card, and both players beside each other.

import * as api from "./api.js";
import { playersReport } from "./compare.js";
import { el, say } from "./dom.js";
import { runoutReport } from "./runouts.js";

export const CARDS = "cards";
export const PLAYERS = "players";

export const KEYS = [["r", "run-outs: every next card (solved spots)"],
  ["v", "both players beside each other (solved spots)"]];

// The lines whose next cards can be shown from a place, and the board each of them has.
export function streetEnds(place) {
  const slashes = (line) => line.split("/").length - 1;
  const ends = [];
  if (place.line.includes("/")) ends.push(place.line.slice(0, place.line.lastIndexOf("/")));
  ends.push(...(place.street_ends || []));
  return ends.map((line) => ({ line, cards: place.fixed.length + slashes(line) }))
    .filter((each) => place.board.length >= each.cards)
    .map(({ line, cards }) => ({ line, board: place.board.slice(0, cards) }));
}

async function cardsInto(host, place, pane, state, moves) {
  const ends = streetEnds(place);
  if (!ends.length) {
    host.replaceChildren(el("p", { class: "quiet" },
      "No card comes next here: no action ends the street, or this is the river."));
    return;
  }
  const chosen = ends.find((each) => each.line === state.after) || ends[0];
  const found = await api.nextCards(pane, chosen.line, chosen.board.join(""));
  const select = ends.length < 2 ? null : el("p", { class: "filters" },
    el("label", { for: "after" }, "After"), el("select", { id: "after",
      onchange: (event) => moves.change({ after: event.target.value }) },
    ends.map((each) => el("option", { value: each.line, selected: each === chosen }, each.line))));
  host.replaceChildren(el("h2", null, `Next cards after ${chosen.line} on ${
    chosen.board.join(" ")}`), ...[select].filter(Boolean),
  runoutReport(found, state.metric, {
    metric: (metric) => moves.change({ metric }),
    pick: (name) => moves.move({ line: `${chosen.line}/`, after: "",
      board: [...chosen.board, name].join("") }),
  }));
}

async function playersInto(host, place, pane, state, moves) {
  if (!place.chart) {
    host.replaceChildren(el("p", { class: "quiet" }, "Choose the board first."));
    return;
  }
  const found = await api.players(pane, place.line, place.board.join(""));
  host.replaceChildren(el("h2", null, "Both players here"),
    playersReport(found, state.metric, { metric: (metric) => moves.change({ metric }) }));
}

// ``moves``: move(what) to another place, change(what) of what is shown of this one, loaded().
export function reportPanel(place, pane, state, moves) {
  const host = el("div", { class: "report", "aria-live": "off" });
  const button = (name, report) => el("button", { type: "button",
    "aria-pressed": state.report === report ? "true" : "false", "data-report": report,
    onclick: () => moves.change({ report: state.report === report ? "" : report, metric: "" }) },
  name);
  const draw = { [CARDS]: cardsInto, [PLAYERS]: playersInto }[state.report];
  if (draw) {
    host.setAttribute("aria-busy", "true");
    host.append(el("p", { class: "quiet" }, "Computing …"));
    draw(host, place, pane, state, moves).catch((error) => {
      host.replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
      say(error.message);
    }).finally(() => {
      host.setAttribute("aria-busy", "false");
      moves.loaded();
    });
  }
  return el("section", { class: "reports", "aria-label": "reports" },
    el("p", { class: "filters" }, button("Run-outs", CARDS), button("Compare players", PLAYERS)),
    host);
}
