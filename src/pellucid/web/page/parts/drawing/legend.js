// What colors mean, under the drawing; it can be folded.

import { h } from "../../core/dom.js";

const HUES = [
  ["query", "queries"], ["key", "keys"], ["value", "values"], ["attention", "attention"],
  ["weight", "weights"], ["stream", "residual stream"], ["hidden", "inside the MLP"],
];
const BACK = "Gradients: the arrows run back, from the loss to the words.";
const BOTH = "Each value, and beside or below it its gradient.";

/** The legend: {element, show(outline), update(mode)}. */
export function legend() {
  const item = (name, words) => h("li", { "data-hue": name },
    h("i", { class: "pd-swatch", style: { background: `var(--${name})` } }), words);
  const note = h("p", { class: "pd-note", role: "status" });
  const list = h("ul", { class: "pd-hues" }, HUES.map(([name, words]) => item(name, words)),
    item("positive", "above 0"), item("negative", "below 0"));
  const element = h("details", { class: "pd-legend", open: true },
    h("summary", {}, "Colors"), list, note);
  let shown = null;

  function update(mode) {
    if (mode === shown) return;
    shown = mode;
    note.textContent = { gradient: BACK, both: BOTH }[mode] ?? "";
    note.hidden = !note.textContent;
  }

  /** Only the hues that there are, as a classifier has no queries. */
  function show(outline) {
    const roles = new Set(rolesOf(outline));
    for (const one of list.children) {
      one.hidden = HUES.some(([name]) => name === one.dataset.hue) && !roles.has(one.dataset.hue);
    }
  }

  return { element, show, update };
}

function rolesOf(nodes) {
  return nodes.flatMap(({ tensors, children }) => [...tensors.map(({ role }) => role), ...rolesOf(children)]);
}
