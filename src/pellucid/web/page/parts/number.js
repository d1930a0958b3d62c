// A number of the tape in a text: its figures, and over them a button that has its whole name.

import { h, say } from "../core/dom.js";
import { numberAttributes } from "../core/numbers.js";

/** A number as it is written, whose button says pel-why; its label has all the digits. */
export function number(name, value, text, kind = "") {
  // The figures are rounded and the label is not: so the label is not that of the figures.
  const button = h("button", { class: "pn-button", ...numberAttributes(name, value) });
  button.addEventListener("click", () => say(button, "pel-why", { name }));
  return h("span", { class: `pn ${kind}` }, h("span", { "aria-hidden": "true" }, text), button);
}
