// Games that are no hold'em: their infosets, found by a part of their names.

import { el, percent, count } from "./dom.js";

export function infosetPanel(found, pane, text, moves) {
  const current = pane.policy === "current";
  const rows = found.infosets.map((row) => {
    const shares = current ? row.current : row.probability;
    return el("tr", null, el("th", { scope: "row", class: "code" }, row.name || "(no name)"),
      el("td", null, row.player + 1),
      el("td", null, shares === null ? "never visited" : row.actions.map((action, index) =>
        el("span", { class: "pair" }, el("b", null, action), ` ${percent(shares[index])} `))),
      el("td", null, count(Math.round(row.visits))));
  });
  const search = el("input", { id: "search", type: "search", value: text, autocomplete: "off" });
  const last = Math.min(found.skip + found.page, found.found);
  return el("section", { class: "infosets" },
    el("form", { role: "search", onsubmit: (event) => { event.preventDefault();
      moves.search(search.value); } },
    el("label", { for: "search" }, "Infosets whose names hold"), search,
    el("button", { type: "submit" }, "Search")),
    el("p", { role: "status" }, found.found
      ? `${count(found.skip + 1)} to ${count(last)} of ${count(found.found)}` +
        (found.whole ? "" : " among the first; export the run to see all")
      : "none"),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "infosets" },
      el("table", null, el("thead", null, el("tr", null,
        ["Infoset", "Player", current ? "Current policy" : "Average strategy", "Visits"].map((name) =>
          el("th", { scope: "col" }, name)))), el("tbody", null, rows))),
    el("div", { class: "buttons" },
      el("button", { type: "button", disabled: found.skip === 0,
        onclick: () => moves.skip(Math.max(found.skip - found.page, 0)) }, "Before"),
      el("button", { type: "button", disabled: last >= found.found,
        onclick: () => moves.skip(found.skip + found.page) }, "Next")));
}
