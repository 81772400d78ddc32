// What the strategy would have done at each of one's decisions.

import { el, percent, say } from "./dom.js";

const SEVERAL = "No EVs, and no action that is best by EV, with more than two players: they would " +
  "need the ranges of all others together. Shares are what the strategy does.";

function verdict(each) {
  if (!each.known) return "the strategy's tree is over here: it only checks and calls";
  const likeliest = each.actions.reduce((one, two) => (two.share > one.share ? two : one));
  if (likeliest.taken) return "its likeliest";
  return `its likeliest is ${likeliest.name}, ${percent(likeliest.share)}`;
}

function decision(each) {
  return el("li", null, el("p", null, el("b", null, each.street), ` ${each.did}: it does so `,
    el("b", null, percent(each.share)), `; ${verdict(each)}`),
  el("ul", { class: "shares" }, each.actions.map((action) => el("li", { class: action.taken
    ? "taken" : null }, el("span", { class: "bar", "aria-hidden": "true" }, el("span", {
    class: "part share-bar", style: { width: `${100 * action.share}%` } })),
  ` ${action.name} ${percent(action.share)}${action.taken ? " ←" : ""}`))));
}

// ``values`` asks the server what actions were worth; null where it cannot know.
export function reviewPanel(over, values, big) {
  const rows = over.review.map(decision);
  const ask = el("button", { type: "button", id: "values", onclick: async () => {
    ask.disabled = true;
    ask.textContent = "EVs are being computed …";
    try {
      const found = await values();
      found.decisions.forEach((each, index) => rows[index].append(worth(each, big)));
      ask.remove();
      say("EVs are shown in the review");
    } catch (error) {
      ask.replaceWith(el("p", { class: "error", role: "alert" }, error.message));
    }
  } }, "EV of every action");
  return el("details", { class: "review", open: true }, el("summary", null, "Review"),
    rows.length ? [el("ol", null, rows), values ? ask : el("p", { class: "quiet" }, SEVERAL)]
      : el("p", { class: "quiet" }, "You had nothing to decide."));
}

function worth(each, big) {
  if (!each) return el("p", { class: "quiet" }, "No EV: the strategy never comes here.");
  const unit = (chips) => (big ? `${(chips / big).toFixed(2)} bb` : chips.toFixed(2));
  return el("p", { class: "worth" }, el("b", null, each.text), "; ",
    each.actions.map((action, index) => [index ? ", " : "", action.name, " ", unit(action.ev)]));
}
