// Tensors side by side in a panel, each under its name.

import { h, say } from "../core/dom.js";
import { shapeText } from "../core/numbers.js";

/** A <pel-table> of a TENSOR; `against` is an experiment whose numbers stand beside these. */
export function tensorTable(store, tensor, against = null) {
  return Object.assign(h("pel-table"), { store, tensor, against });
}

/** The same under its name, shape and what it is; the name leads to where it stands. */
export function tensorFigure(store, tensor, says = "", against = null) {
  const { name, shape } = tensor;
  const look = (event) => say(event.currentTarget, "pel-look", { tensor: name });
  return h(
    "section",
    { class: "tensor", "aria-label": name },
    h("h4", {},
      h("button", { type: "button", class: "term", title: "Show where it stands", onclick: look },
        name),
      h("span", { class: "shape" }, shapeText(shape)),
      says && h("span", { class: "says" }, says)),
    tensorTable(store, tensor, against),
  );
}

/** The tensors of an outline, by their names. */
export function byName(outline) {
  const found = new Map();
  const visit = (nodes) => {
    for (const node of nodes) {
      for (const one of node.tensors) {
        if (!found.has(one.name)) found.set(one.name, one);
      }
      visit(node.children);
    }
  };
  visit(outline);
  return found;
}
