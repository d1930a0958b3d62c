// One number worked out: what it is about, and its arithmetic, from the answer that Why shows.

import { h, say } from "../../core/dom.js";
import { written } from "../../core/numbers.js";
import { button } from "../controls.js";
import { number } from "../pieces.js";
import { sentence } from "./words.js";

/** The number of an answer of `why`, with the line of its arithmetic that has most to say. */
export function worked(answer) {
  const line = shown(answer.steps);
  const why = button("Why?", () => say(why, "pel-why", { name: answer.name }), { class: "quiet" });
  return h(
    "figure",
    { class: "tour-worked" },
    h("figcaption", {}, h("code", {}, answer.name), why),
    answer.note && h("p", { class: "tour-note" }, sentence(answer.note)),
    h("p", { class: "tour-figures" }, line && [h("span", {}, written(line)), " = "],
      number(answer.name, answer.text, answer.exact)),
  );
}

// The first line that is more than another name of the same number; else that name.
function shown(steps) {
  const line = steps.find(({ figures, result }) => plain(figures) !== result);
  if (line) return plain(line.figures);
  return steps.length ? plain(steps[0].names) : null;
}

function plain(pieces) {
  return pieces.map((one) => (typeof one === "string" ? one : one.text)).join("");
}
