// Which run, which of its checkpoints, which policy: for each pane; and what is beside it.

import { el, count } from "./dom.js";

export function paneControls(number, pane, known, change) {
  const run = known.find((each) => each.run === pane.run);
  const checkpoints = run ? run.checkpoints : [];
  const at = pane.checkpoint ? checkpoints.indexOf(Number(pane.checkpoint)) : -1;
  const place = at < 0 ? checkpoints.length - 1 : at;
  const id = (name) => `${name}-${number}`;
  const told = pane.checkpoint ? `${count(pane.checkpoint)} iterations`
    : checkpoints.length ? `newest, ${count(checkpoints[checkpoints.length - 1])} iterations`
      : "no checkpoint yet";
  return el("fieldset", { class: "pane-controls" },
    el("legend", null, number === 0 ? "Shown" : "Beside it"),
    el("label", { for: id("run") }, "Run"),
    el("select", { id: id("run"), onchange: (event) => change({ run: event.target.value,
      checkpoint: "" }) }, known.map((each) => el("option", { value: each.run,
      selected: each.run === pane.run }, each.run))),
    el("label", { for: id("checkpoint") }, "Checkpoint"),
    el("input", { id: id("checkpoint"), type: "range", min: 0, step: 1,
      max: Math.max(checkpoints.length - 1, 0), value: Math.max(place, 0),
      disabled: checkpoints.length < 2, "aria-valuetext": told,
      onchange: (event) => change({ checkpoint: Number(event.target.value) ===
        checkpoints.length - 1 ? "" : String(checkpoints[event.target.value]) }) }),
    el("output", { for: id("checkpoint"), class: "quiet" }, told),
    el("label", { for: id("policy") }, "Policy"),
    el("select", { id: id("policy"), onchange: (event) => change({ policy: event.target.value }) },
      [["average", "average strategy"], ["current", "current policy"]].map(([value, name]) =>
        el("option", { value, selected: value === (pane.policy || "average") }, name))),
    number === 1 ? el("button", { type: "button", onclick: () => change(null) }, "Close") : null);
}
