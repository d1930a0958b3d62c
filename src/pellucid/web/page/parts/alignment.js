// Which words of the source each place of the target looks at: cross-attention as arcs.

import "./arcs.js";
import { fill, h } from "../core/dom.js";
import { choice } from "./controls.js";

/** The cross-attention of a run that has any: {element, draw(run)}. */
export function alignment(panel) {
  const blocks = h("span", {});
  const place = h("div", {});
  const element = h("section", { class: "alignment", hidden: true },
    h("h3", {}, "Which words of the source each place looks at"),
    h("p", { class: "hint" }, "On the left the target, on the right the source: the thicker an arc, " +
      "the more of what comes next is taken from there. Point at a place for its weights."),
    blocks, place);
  let shown = "";

  function show(tensor) {
    shown = tensor.name;
    fill(place, Object.assign(h("pel-arcs"), { store: panel.store, tensor }));
  }

  return {
    element,
    draw(run) {
      const found = run.outline.flatMap(({ title, children }) =>
        children.filter(({ kind }) => kind === "cross").map(({ children: [head] }) => ({
          title, tensor: head.tensors.find(({ name }) => name.endsWith(".att")),
        })));
      element.hidden = !found.length;
      if (!found.length) return void fill(place);
      const now = found.find(({ tensor }) => tensor.name === shown) ?? found.at(-1);
      const pick = choice(found.map(({ title }, at) => [String(at), title]),
        String(found.indexOf(now)));
      pick.setAttribute("aria-label", "Block");
      pick.addEventListener("change", () => show(found[Number(pick.value)].tensor));
      fill(blocks, found.length > 1 && pick);
      show(now.tensor);
    },
  };
}
