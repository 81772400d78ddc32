// The page: what the address says is asked of the server and drawn.

import * as address from "./address.js";
import * as api from "./api.js";
import { neighbour, pickBoard } from "./board.js";
import { paneControls } from "./controls.js";
import { curvePanel } from "./curves.js";
import { cardsOf, el, say } from "./dom.js";
import { infosetPanel } from "./infosets.js";
import { copyRange, drawPane, fresh } from "./pane.js";
import * as play from "./play.js";
import * as reports from "./reports.js";
import { strip } from "./strip.js";
import * as train from "./train.js";

const EVERY_MILLISECONDS = 3000;

const games = { play, train };

let known = [];
let state = address.read();
let places = [];
let views = [fresh(), fresh()];
let asking = null;
let skip = 0;

const page = document.getElementById("page");
const controls = document.getElementById("controls");

function panes() {
  const first = { run: state.run, checkpoint: state.checkpoint, policy: state.policy };
  if (!state.beside) return [first];
  return [first, { run: state.beside, checkpoint: state.beside_checkpoint,
    policy: state.beside_policy }];
}

function move(what) {
  const before = state;
  state = { ...state, ...what };
  if (state.line !== before.line || state.board !== before.board || state.run !== before.run) {
    views = [fresh(), fresh()];
  }
  skip = 0;
  address.go(state);
  show();
}

const go = (line) => move({ line });

function take(token) {
  const place = places[0];
  if (!place) return;
  const known = place.strip[place.strip.length - 1].actions.find((each) => each.token === token);
  go((known && known.leads) || `${place.line} ${token}`.trim());
}

// What is known only now becomes a part of the address; there is nothing to go back to.
function correct(what) {
  state = { ...state, ...what };
  address.correct(state);
}

function changePane(number, what) {
  if (number === 0) move(what);
  else if (what === null) move({ beside: "", beside_checkpoint: "", beside_policy: "" });
  else {
    const named = { run: "beside", checkpoint: "beside_checkpoint", policy: "beside_policy" };
    move(Object.fromEntries(Object.entries(what).map(([key, value]) => [named[key], value])));
  }
}

function board() {
  const fixed = places[0] ? places[0].fixed : [];
  const given = cardsOf(state.board);
  return given.length ? given : fixed;
}

function openPicker() {
  const place = places[0];
  if (!place || document.querySelector("dialog")) return;
  pickBoard({ deck: place.deck, need: place.need, counts: place.board_counts, given: board(),
    fixed: place.fixed }, (cards) => move({ board: cards.join("") }));
}

function stepCard(step) {
  const place = places[0];
  if (!place || !place.board.length) return;
  if (place.board.length <= place.fixed.length) return;
  move({ board: neighbour(place.deck, place.board, step).join("") });
}

function stepCheckpoint(step) {
  const run = known.find((each) => each.run === state.run);
  if (!run || !run.checkpoints.length) return;
  const last = run.checkpoints.length - 1;
  const at = state.checkpoint ? run.checkpoints.indexOf(Number(state.checkpoint)) : last;
  const next = Math.min(Math.max(at + step, 0), last);
  move({ checkpoint: next === last ? "" : String(run.checkpoints[next]) });
}

function drawControls() {
  const focused = document.activeElement && document.activeElement.id;
  const line = el("input", { id: "line", type: "text", value: state.line, autocomplete: "off",
    spellcheck: "false", placeholder: "b2.5bb c / x b0.5p" });
  const run = known.find((each) => each.run === state.run);
  const holdem = run && run.kind !== "listed" && !state.view;
  controls.replaceChildren(...[
    ...panes().map((pane, number) => paneControls(number, pane, known,
      (what) => changePane(number, what))),
    el("div", { class: "buttons" },
      run && run.kind === "holdem" ? el("button", { type: "button", "aria-pressed":
        state.view === "play" ? "true" : "false", onclick: () => move({ beside: "", table: "",
        view: state.view === "play" ? "" : "play" }) }, "Play") : null,
      run && run.kind === "holdem" ? el("button", { type: "button", "aria-pressed":
        state.view === "train" ? "true" : "false", onclick: () => move({ beside: "",
        view: state.view === "train" ? "" : "train" }) }, "Train here") : null,
      run && run.kind === "holdem" && !state.beside ? el("button", { type: "button", onclick: () => move({
        beside: known.length > 1 ? known.find((each) => each.run !== state.run).run : state.run,
        beside_checkpoint: "", beside_policy: known.length > 1 ? "" : "current" }) }, "Beside") : null,
      el("button", { type: "button", disabled: address.depth() === 0,
        onclick: () => history.back() }, "Undo"),
      el("button", { type: "button", onclick: help, "aria-label": "help: keys" }, "?")),
    holdem ? el("form", { class: "line-form", onsubmit: (event) => { event.preventDefault();
      go(line.value.trim()); } },
    el("label", { for: "line" }, "Line"), line,
    el("button", { type: "submit" }, "Go"),
    el("button", { type: "button", onclick: openPicker }, "Board"),
    el("button", { type: "button", onclick: () => go("") }, "Start")) : null,
  ].filter(Boolean));
  if (focused) document.getElementById(focused)?.focus();
}

function problem(text) {
  page.replaceChildren(el("p", { class: "error", role: "alert" }, text),
    el("button", { type: "button", onclick: () => history.back() }, "Back"));
  page.setAttribute("aria-busy", "false");
}

async function show() {
  drawControls();
  document.title = `${state.run}${state.line ? ` · ${state.line}` : ""} · cfr-shm`;
  const run = known.find((each) => each.run === state.run);
  if (!run) {
    problem(`no run ${state.run} is shown here; choose one of the list`);
    return;
  }
  if (run.problem) {
    problem(run.problem);
    return;
  }
  if (asking) asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  page.setAttribute("aria-busy", "true");
  try {
    if (games[state.view]) await games[state.view].show(page, state, { move, correct, again: show });
    else if (run.kind === "listed") await showInfosets();
    else await showPlace(signal);
  } catch (error) {
    if (error.name !== "AbortError") problem(error.message);
    return;
  }
  page.setAttribute("aria-busy", "false");
}

async function showPlace(signal) {
  const found = await Promise.all(panes().map((pane) =>
    api.place(pane, state.line, state.board, signal)));
  places = found;
  const place = found[0];
  const moves = { go, take, pick: openPicker, step: stepCard };
  const hosts = found.map(() => el("section", { class: "pane" }));
  found.forEach((each, number) => {
    if (each.chart) drawPane(hosts[number], each, panes()[number], views[number], moves);
  });
  page.replaceChildren(...[
    strip(place, board(), moves),
    place.played ? el("p", { class: "played" }, place.played) : null,
    ...place.told.map((text) => el("p", { class: "warn" }, text)),
    place.chart ? el("div", { class: found.length > 1 ? "panes two" : "panes" },
      found.map((each, number) => el("div", null,
        found.length > 1 ? el("h2", null, `${panes()[number].run}, ${each.iterations.toLocaleString(
          "en-US")} iterations, ${panes()[number].policy || "average"}`) : null, hosts[number])))
      : el("p", { class: "missing" }, `${place.need} cards lie ${place.street_name}. `,
        el("button", { type: "button", onclick: openPicker }, "Choose the board")),
    reportHost(place), curveHost()].filter(Boolean));
  const line = page.querySelector(".strip");
  line.scrollLeft = line.scrollWidth;
  if (place.chart === null && state.report !== reports.CARDS) openPicker();
  else say(place.headline);
}

function isSpot() {
  return known.some((each) => each.run === state.run && each.kind === "spot");
}

function reportHost(place) {
  if (!isSpot()) return null;
  const draw = (loaded) => reports.reportPanel(place, panes()[0], state, { move, change, loaded });
  // What is shown of this place is in the link, and no step of its own to undo.
  function change(what) {
    const { id, dataset } = document.activeElement;
    const named = id ? `#${CSS.escape(id)}` : `[data-report="${dataset.report || ""}"]`;
    const focus = () => page.querySelector(`.reports ${named}`)?.focus();
    correct(what);
    page.querySelector(".reports").replaceWith(draw(focus));
    focus();
  }
  return draw(() => {});
}

function toggleReport(name) {
  document.querySelector(`.reports [data-report="${name}"]`)?.click();
}

async function showInfosets() {
  const pane = panes()[0];
  const found = await api.infosets(pane, state.search, skip);
  places = [];
  page.replaceChildren(infosetPanel(found, pane, state.search, {
    search: (text) => move({ search: text }),
    skip: (to) => { skip = to; show(); },
  }), curveHost());
}

let curvesOpen = false;

function curveHost() {
  const inside = el("div");
  const box = el("details", { class: "more", open: curvesOpen },
    el("summary", null, "Convergence and quality"), inside);
  const load = async () => {
    curvesOpen = box.open;
    if (!box.open) return;
    try {
      const names = [...new Set(panes().map((pane) => pane.run))];
      const found = await Promise.all(names.map(async (name) =>
        [name, (await api.curves(name)).curves]));
      inside.replaceChildren(curvePanel(found));
    } catch (error) {
      inside.replaceChildren(el("p", { class: "error" }, error.message));
    }
  };
  box.addEventListener("toggle", load);
  return box;
}

const KEYS = [
  ["1 to 9", "take an action"], ["u or Backspace", "undo"], ["0", "start of the hand"],
  ["m", "to the square; arrows move in it, Enter picks a cell"], ["b", "board"],
  [", and .", "the last card's neighbours"], ["/", "type a line"],
  ["[ and ]", "older and newer checkpoint"], ["p", "average or current policy"],
  ["c", "copy the range"], ...reports.KEYS, ["?", "this list"],
];

function help() {
  if (document.querySelector("dialog")) return;
  const dialog = el("dialog", { "aria-label": "keys" }, el("h2", null, "Keys"),
    el("dl", { class: "keys" }, (games[state.view] || { KEYS }).KEYS.map(([key, what]) => el("div", null, el("dt", null, key),
      el("dd", null, what)))),
    el("button", { type: "button", onclick: () => dialog.close() }, "Close"));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function takeNumbered(number) {
  const place = places[0];
  if (!place) return;
  const action = place.strip[place.strip.length - 1].actions[number - 1];
  if (!action) return;
  if (action.ends) say(`${action.name} ends the hand`);
  else take(action.token);
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  if (document.querySelector("dialog[open]")) return;
  const { key } = event;
  if (games[state.view]) {
    if (key === "?") help();
    else if (!games[state.view].pressed(key)) return;
    event.preventDefault();
    return;
  }
  const acts = {
    u: () => history.back(), Backspace: () => history.back(), 0: () => go(""),
    m: () => document.querySelector('.matrix [tabindex="0"]')?.focus(), b: openPicker,
    ",": () => stepCard(-1), ".": () => stepCard(1), "/": () => document.getElementById("line")
      ?.focus(), "[": () => stepCheckpoint(-1), "]": () => stepCheckpoint(1),
    p: () => move({ policy: state.policy === "current" ? "" : "current" }), "?": help,
    r: () => toggleReport(reports.CARDS), v: () => toggleReport(reports.PLAYERS),
    c: () => { if (places[0] && places[0].chart) copyRange(panes()[0], places[0], ""); },
  };
  if (/^[1-9]$/.test(key)) takeNumbered(Number(key));
  else if (acts[key]) acts[key]();
  else return;
  event.preventDefault();
}

// What is trained meanwhile is looked for, and shown where the newest is wanted.
async function watch() {
  if (document.hidden) return;
  try {
    const before = JSON.stringify(known);
    known = (await api.runs()).runs;
    if (JSON.stringify(known) === before) return;
    const newest = !state.view && panes().some((pane, number) => !pane.checkpoint &&
      newestOf(pane.run) !== (places[number] || {}).iterations);
    if (newest) show();
    else drawControls();
  } catch (error) {
    say(error.message);
  }
}

function newestOf(name) {
  const run = known.find((each) => each.run === name);
  return run && run.checkpoints.length ? run.checkpoints[run.checkpoints.length - 1] : undefined;
}

// An address that names no run means the first.
function chooseRun() {
  if (state.run || !known.length) return;
  state.run = known[0].run;
  state.checkpoint = known[0].shown === null ? "" : String(known[0].shown);
  address.correct(state);
}

async function begin() {
  try {
    known = (await api.runs()).runs;
  } catch (error) {
    problem(error.message);
    return;
  }
  chooseRun();
  window.addEventListener("popstate", () => { state = address.read(); chooseRun();
    views = [fresh(), fresh()];
    document.querySelectorAll("dialog").forEach((each) => each.close()); show(); });
  document.addEventListener("keydown", pressed);
  setInterval(watch, EVERY_MILLISECONDS);
  await show();
}

begin();
