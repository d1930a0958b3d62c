// What of the model is not as it came: set, patched, or trained; and the way back to it.

import { fill, h } from "../../core/dom.js";
import { actionsOf, inWords } from "../actions.js";

/** What was done to the model in a word, for a title: ", edited", ", trained", or nothing. */
export function doneTo(experiment) {
  const kinds = new Set(actionsOf(experiment ?? {}).map((action) => action.do));
  const trained = kinds.delete("step");
  return (kinds.size ? ", edited" : "") + (trained ? ", trained" : "");
}

/** The mark in the bar: {element, update()}. */
export function edited(app) {
  const { store } = app;
  const words = h("span", { class: "pel-edited-words" });
  const without = h("button", { class: "link", onclick: () => store.show(store.baseline) },
    "Run without");
  const element = h("p", { class: "pel-edited", hidden: true }, words, without);
  return {
    element,
    update() {
      const all = actionsOf(store.experiment ?? {});
      const edits = all.filter((action) => action.do !== "step");
      element.hidden = !all.length;
      without.hidden = !edits.length;
      const shown = edits.length ? edits : all;
      const more = all.length - 1;
      fill(words, h("strong", {}, edits.length ? "Edited" : "Trained"), ": ",
        shown.length ? inWords(shown.at(-1)) : "", more > 0 ? `, and ${more} more` : "");
      element.title = all.map(inWords).join("\n");
    },
  };
}
