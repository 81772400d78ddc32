// What the server knows. Every failure is an Error whose message is for people.

import { say } from "./dom.js";

const [PATIENCE_MILLISECONDS, EVERY_MILLISECONDS] = [1500, 2000];

export function ask(path, parameters = {}, signal = undefined) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== "");
  const query = new URLSearchParams(given).toString();
  return answered(query ? `${path}?${query}` : path, { signal });
}

export const tell = (path, document) => answered(path, { method: "POST",
  headers: { "content-type": "application/json" }, body: JSON.stringify(document) });

async function answered(path, how) {
  let answer;
  try {
    answer = await accompanied(fetch(path, { credentials: "same-origin", ...how }));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the server does not answer: was it ended?");
  }
  const text = await answer.text();
  if (answer.headers.get("content-type") !== "application/json") {
    throw new Error(text.trim() || `the server answers ${answer.status}`);
  }
  const document = JSON.parse(text);
  if (!answer.ok) throw new Error(document.error || `the server answers ${answer.status}`);
  return document;
}

// Whoever waits long is told how long, and what the server does meanwhile.
async function accompanied(answer) {
  const began = performance.now();
  let [waiting, told] = [true, false];
  const tell = async () => {
    const seconds = (performance.now() - began) / 1000;
    let what = "";
    try {
      const found = await (await fetch("/api/said", { credentials: "same-origin" })).json();
      if (found.seconds <= seconds) what = `: ${found.said}`;
    } catch {
      // the answer that is waited for says what is wrong
    }
    if (!waiting) return;
    told = true;
    say(`working for ${Math.round(seconds)} s${what}`);
    timer = setTimeout(tell, EVERY_MILLISECONDS);
  };
  let timer = setTimeout(tell, PATIENCE_MILLISECONDS);
  try {
    return await answer;
  } finally {
    waiting = false;
    clearTimeout(timer);
    if (told) say("");
  }
}

export const runs = () => ask("/api/runs");

export const ofRun = (name, what) => `/api/runs/${encodeURIComponent(name)}/${what}`;

export const place = (pane, line, board, signal) =>
  ask(ofRun(pane.run, "place"),
    { line, board, checkpoint: pane.checkpoint, policy: pane.policy }, signal);

export const equity = (pane, line, board) =>
  ask(ofRun(pane.run, "equity"), { line, board, checkpoint: pane.checkpoint });

export const range = (pane, line, board, action) =>
  ask(ofRun(pane.run, "range"),
    { line, board, checkpoint: pane.checkpoint, policy: pane.policy, action });

export const nextCards = (pane, line, board) =>
  ask(ofRun(pane.run, "next_cards"), { line, board });

export const players = (pane, line, board) => ask(ofRun(pane.run, "players"), { line, board });

export const infosets = (pane, search, skip) =>
  ask(ofRun(pane.run, "infosets"), { search, skip, checkpoint: pane.checkpoint });

export const curves = (name) => ask(ofRun(name, "curves"));
