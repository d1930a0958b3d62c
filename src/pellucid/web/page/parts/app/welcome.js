// What the panel says while nothing is chosen: what is looked at, and how one looks closer.

import { fill, h } from "../../core/dom.js";
import { count } from "../../core/numbers.js";

/** The words for an app: {element, update()}. */
export function welcome(app) {
  const { store } = app;
  const about = h("p", { class: "muted" });
  const size = h("p", { class: "muted tabular" });
  const ways = h("ul", { class: "pw-ways" }, [
    ["Click a part", "to zoom in: it is explained here."],
    ["Click a number", "for its arithmetic, down to tokens and weights."],
    ["Type", "another text: all follows."],
  ].map(([what, then]) => h("li", {}, h("strong", {}, what), " ", then)));
  const tour = h("button", { class: "main", onclick: () => app.tour() }, "Take the tour");
  const element = h("div", { class: "pw-welcome" }, about, size, tour, ways);
  return {
    element,
    update() {
      const { run, start } = store;
      if (!run) return;
      const known = start?.models.find(({ name }) => name === run.subject.model);
      tour.hidden = run.kind === "lesson";
      fill(about, known?.about ?? run.about.split("\n")[0]);
      const { model } = run;
      fill(size, model && [blocks(model), `${count(model.parameters)} parameters`].join(""));
    },
  };
}

// What has no blocks, as a classifier, has no heads and no width of a stream either.
function blocks({ layers, heads, width }) {
  if (!layers) return "";
  return `${layers} ${layers === 1 ? "block" : "blocks"} of ` +
    `${heads} ${heads === 1 ? "head" : "heads"}, width ${count(width)}, `;
}
