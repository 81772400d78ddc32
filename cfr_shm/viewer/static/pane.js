// One run at one place: what is known there, the square, the actions, the hands.

import * as api from "./api.js";
import { combos } from "./combos.js";
import { describe, matrix } from "./matrix.js";
import { el, count, percent, say } from "./dom.js";

export const fresh = () => ({ cell: 0, picked: null, only: null, bucket: null, sort: "weight",
  descending: true, equity: null, everything: false });

function infobox(place) {
  const odds = place.to_call > 0 ? place.to_call / (place.pot + place.to_call) : null;
  const ranges = place.ranges.filter((each) => !each.folded).map((each) =>
    `${each.position} ${each.share === null ? "no hand" : percent(each.share)}` +
    (each.never_visited > 0 ? ` (${percent(each.never_visited)} never visited)` : ""));
  const facts = [
    ["To act", place.position], ["Pot", count(place.pot)], ["To call", count(place.to_call)],
    ["Pot odds", odds === null ? "–" : percent(odds)],
    ["Stacks", place.stacks.map(count).join(" / ")], ["Ranges", ranges.join(", ")],
    ["Never visited", percent(place.chart.unvisited)],
    ["Iterations", count(place.iterations)], ...(place.facts || []),
  ].filter(([, value]) => value !== "");
  return el("dl", { class: "infobox" }, facts.map(([name, value]) =>
    el("div", null, el("dt", null, name), el("dd", null, value))));
}

function actions(place, pane, view, moves) {
  const here = place.chart.hands_here;
  const rows = place.actions.map((action, index) => {
    const ends = place.strip[place.strip.length - 1].actions[index].ends;
    const share = place.chart.totals[index];
    return el("tr", null,
      el("th", { scope: "row" }, el("span", { class: "sample", "aria-hidden": "true",
        style: { backgroundColor: action.colour } }, action.letter),
      el("button", { type: "button", class: "take", "data-token": action.token, disabled: ends,
        onclick: () => moves.take(action.token) }, `${index + 1} ${action.name}`)),
      el("td", null, percent(share)),
      el("td", null, `${(share * here).toFixed(1)}`),
      el("td", null, el("button", { type: "button", "aria-pressed": view.only === index
        ? "true" : "false", "aria-label": `only ${action.name}`,
      onclick: () => moves.change({ only: view.only === index ? null : index }) }, "Only")),
      el("td", null, el("button", { type: "button", "aria-label": `copy the range of ${action.name}`,
        onclick: () => copyRange(pane, place, action.token) }, "Copy")));
  });
  return el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "actions" },
    el("table", { class: "actions" }, el("caption", null, "Actions"),
    el("thead", null, el("tr", null, ["Action", "Share", "Combos", "Filter", "Range"].map((name) =>
      el("th", { scope: "col" }, name)))),
    el("tbody", null, rows, el("tr", null, el("th", { scope: "row" }, "all"),
      el("td", null, percent(here / Math.max(place.chart.hands, 1))),
      el("td", null, here.toFixed(1)), el("td", null, ""),
      el("td", null, el("button", { type: "button", class: "copy-all",
        "aria-label": "copy the whole range",
        onclick: () => copyRange(pane, place, "") }, "Copy"))))));
}

export async function copyRange(pane, place, action) {
  try {
    const found = await api.range(pane, place.line, place.board.join(""), action);
    await offer(found.weights, found.text);
  } catch (error) {
    say(error.message);
  }
}

// The clipboard where the browser gives it; a text to copy by hand where it does not.
async function offer(weights, text) {
  try {
    await navigator.clipboard.writeText(text);
    say(`copied: ${text.length > 60 ? `${text.slice(0, 60)} …` : text || "an empty range"}`);
  } catch {
    show(text, weights);
  }
}

function show(text, weights) {
  const area = (name, value) => [el("label", { for: name }, name === "range-hands"
    ? "As hands" : "As 1,326 weights"), el("textarea", { id: name, readonly: true, rows: 4 }, value)];
  const dialog = el("dialog", { class: "range", "aria-label": "range" },
    area("range-hands", text), area("range-weights", weights),
    el("button", { type: "button", onclick: () => dialog.close() }, "Close"));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector("textarea").select();
}

// Draw a pane into ``host``; ``moves``: go(line), take(token), redraw().
export function drawPane(host, place, pane, view, moves) {
  const change = (what) => {
    Object.assign(view, what);
    drawPane(host, place, pane, view, moves);
  };
  const detail = el("p", { class: "detail" }, describe(place.chart.classes[view.cell], place));
  const look = (index) => {
    view.cell = index;
    detail.textContent = describe(place.chart.classes[index], place);
  };
  const pick = (index) => {
    const focused = document.activeElement && document.activeElement.dataset.index;
    change({ picked: view.picked === index ? null : index, cell: index, bucket: null });
    if (focused !== undefined) host.querySelector(`.matrix [data-index="${index}"]`).focus();
  };
  const live = place.ranges.filter((each) => !each.folded).length;
  view.askEquity = live === 2 && place.board.length >= 3 ? async () => {
    say("computing equities …");
    try {
      const found = await api.equity({ ...pane, checkpoint: String(place.iterations) },
        place.line, place.board.join(""));
      change({ equity: found.equity });
      say("equities are shown");
    } catch (error) {
      say(error.message);
    }
  } : null;
  view.whyNoEquity = live > 2 && place.board.length >= 3
    ? ` Equities are told once two players are left; here are ${live}.` : "";
  const empty = place.chart.hands_here === 0
    ? el("p", { class: "warn" }, "No hand comes here: the cells show nothing that is played.") : null;
  host.replaceChildren(
    el("h2", { class: "headline" }, place.headline),
    ...[empty, infobox(place),
      el("div", { class: "chart" },
        el("div", null, matrix(place, view, pick, look), detail),
        el("div", null, actions(place, pane, view, { take: moves.take, change }),
          combos(place, view, change)))].filter(Boolean));
}
