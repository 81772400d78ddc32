// The table of single hands: weight, what is done with them, equity, visits, bucket.

import { el, card, percent, count } from "./dom.js";
import { classOf } from "./matrix.js";

const ROWS = 60;

function columns(place, view) {
  const { hands } = place;
  const named = [
    { key: "hand", name: "Hand", value: (row) => row, ascending: true },
    { key: "weight", name: "Weight", value: (row) => hands.weight[row],
      text: (row) => percent(hands.weight[row]) },
  ];
  place.actions.forEach((action, index) => named.push({
    key: `action-${action.token}`, name: action.name, value: (row) => hands.probability[index][row],
    text: (row) => hands.visits[row] > 0 ? percent(hands.probability[index][row]) : "?",
  }));
  if (view.equity) {
    named.push({ key: "equity", name: "Equity", value: (row) => view.equity[row] ?? -1,
      text: (row) => percent(view.equity[row]) });
  }
  for (const [key, name, digits] of hands.ev
    ? [["equity", "Equity", 3], ["ev", "EV", 3], ["eqr", "EQR", 3]] : []) {
    named.push({ key, name, value: (row) => hands[key][row] ?? -Infinity,
      text: (row) => hands[key][row] === null ? "–" : hands[key][row].toFixed(digits) });
  }
  if (hands.action_ev) {
    place.actions.forEach((action, index) => named.push({ key: `ev-${action.token}`,
      name: `EV ${action.name}`, value: (row) => hands.action_ev[index][row] ?? -Infinity,
      text: (row) => hands.action_ev[index][row] === null ? "–"
        : hands.action_ev[index][row].toFixed(3) }));
    return named;
  }
  named.push({ key: "visits", name: "Visits", value: (row) => hands.visits[row],
    text: (row) => count(hands.visits[row]) });
  return named;
}

function chosen(place, view) {
  const rows = [];
  for (let row = 0; row < place.hands.cards.length; row += 1) {
    const hand = place.hands.cards[row];
    const inside = view.picked === null || classOf(place.ranks, hand) === view.picked;
    const mate = view.bucket === null || place.hands.bucket?.[row] === view.bucket;
    const taken = view.only === null || place.hands.probability[view.only][row] > 0.005;
    const here = view.picked !== null || view.bucket !== null || place.hands.weight[row] > 0.0005;
    if (inside && mate && taken && here) rows.push(row);
  }
  return rows;
}

function bar(place, row) {
  if (!(place.hands.visits[row] > 0)) return el("span", { class: "bar never" });
  return el("span", { class: "bar", "aria-hidden": "true" }, place.actions.map((action, index) =>
    el("span", { class: "part", style: { width: `${100 * place.hands.probability[index][row]}%`,
      backgroundColor: action.colour } })));
}

export function combos(place, view, change) {
  const named = columns(place, view);
  const rows = chosen(place, view);
  const by = named.find((each) => each.key === view.sort) || named[0];
  const sign = view.descending ? -1 : 1;
  if (by.key !== "hand" || view.descending) {
    rows.sort((one, two) => sign * (by.value(one) - by.value(two)) || one - two);
  }
  const shown = view.everything ? rows : rows.slice(0, ROWS);
  const head = named.map((each) => el("th", { scope: "col",
    "aria-sort": each.key === view.sort ? (view.descending ? "descending" : "ascending") : null },
  el("button", { type: "button", class: "sort", onclick: () => change({ sort: each.key,
    descending: each.key === view.sort ? !view.descending : !each.ascending }) }, each.name,
  each.key === view.sort ? (view.descending ? " ▼" : " ▲") : "")));
  const body = shown.map((row) => el("tr", null,
    el("th", { scope: "row" }, card(place.hands.cards[row].slice(0, 2)),
      card(place.hands.cards[row].slice(2)), bar(place, row)),
    named.slice(1).map((each) => el("td", null, each.text(row))),
    !place.hands.bucket ? null : el("td", null, el("button", { type: "button", class: "bucket",
      "aria-label": `hands of bucket ${place.hands.bucket[row]}`,
      onclick: () => change({ bucket: view.bucket === null ? place.hands.bucket[row] : null,
        picked: null }) }, place.hands.bucket[row]))));
  const filters = [
    view.picked === null ? null : ["of one class", { picked: null }],
    view.bucket === null ? null : [`of bucket ${view.bucket}`, { bucket: null }],
    view.only === null ? null : [`that ${place.actions[view.only].name}`, { only: null }],
  ].filter(Boolean);
  return el("section", { class: "combos", "aria-label": "hands" },
    el("h2", null, `${count(rows.length)} hands`),
    el("p", { class: "filters" }, filters.map(([name, without]) => el("button", {
      type: "button", onclick: () => change(without) }, `${name} ✕`)),
    view.equity || !view.askEquity ? null
      : el("button", { type: "button", onclick: view.askEquity }, "Equities"),
    !place.hands.bucket ? null : el("span", { class: "quiet" }, ` one of ${count(place.bucket_count)} buckets each.${view.whyNoEquity || ""}`)),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "table of hands" },
      el("table", null,
        el("thead", null, el("tr", null, head,
          place.hands.bucket ? el("th", { scope: "col" }, "Bucket") : null)),
        el("tbody", null, body))),
    rows.length > shown.length
      ? el("button", { type: "button", onclick: () => change({ everything: true }) },
        `Show all ${count(rows.length)}`)
      : null);
}
