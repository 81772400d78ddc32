// What the strategy would have done at each of one's decisions.

import { el, percent } from "./dom.js";

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

export function reviewPanel(over) {
  return el("details", { class: "review", open: true }, el("summary", null, "Review"),
    over.review.length ? el("ol", null, over.review.map(decision))
      : el("p", { class: "quiet" }, "You had nothing to decide."));
}
