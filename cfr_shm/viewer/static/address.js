// What is shown is in the address, so that a link leads back to it, and going back undoes.

const KEYS = ["run", "checkpoint", "policy", "line", "board", "beside", "beside_checkpoint",
  "beside_policy", "search", "view", "table", "seat", "report",
  "after", "metric"];

export function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const known = {};
  for (const key of KEYS) known[key] = given.get(key) || "";
  return known;
}

export function link(state) {
  const given = KEYS.filter((key) => state[key]).map((key) => [key, state[key]]);
  return `#${new URLSearchParams(given)}`;
}

export const depth = () => (history.state && history.state.depth) || 0;

export function go(state) {
  if (link(state) === location.hash) return;
  history.pushState({ depth: depth() + 1 }, "", link(state));
}

export function correct(state) {
  history.replaceState({ depth: depth() }, "", link(state));
}
