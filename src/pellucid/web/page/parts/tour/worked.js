// One number worked out: what it is about, and its arithmetic, from the answer that Why shows.

import { h, say } from "../../core/dom.js";
import { button } from "../controls.js";
import { number } from "../pieces.js";
import { plain as signed, sentence } from "./words.js";

const MADE = / [·+/−-] |exp|log|max/;

/** The number of an answer of `why`, with the line of its arithmetic that has most to say. */
export function worked(answer) {
  const line = shown(answer.steps);
  const why = button("Why?", () => say(why, "pel-why", { name: answer.name }), { class: "quiet" });
  return h(
    "figure",
    { class: "tour-worked" },
    h("figcaption", {}, h("code", {}, answer.name), why),
    h("p", { class: "tour-note" }, sentence(answer.sentence)),
    h("p", { class: "tour-result" }, number(answer.name, answer.text, answer.exact)),
    line && h("p", { class: "tour-figures" }, `= ${signed(line)}`),
  );
}

// The first line that says by which arithmetic the number is made; else what it is a name of.
function shown(steps) {
  const [first] = steps;
  const own = steps.filter(({ result }) => result === first.result);
  const line = own.map(({ figures }) => plain(figures)).find((text) => MADE.test(text));
  if (line) return line;
  return first && plain(first.figures) === first.result ? plain(first.names) : null;
}

function plain(pieces) {
  return pieces.map((one) => (typeof one === "string" ? one : one.text)).join("");
}
