// What the model says comes next at a position of the text, and what each layer would have said.

import { fill, h } from "../core/dom.js";
import { bar, number, share, token } from "./pieces.js";
import { strip } from "./strip.js";

/** Predictions and logit lens for a panel: {element, draw(run)}. */
export function guesses(panel) {
  const next = h("div", {});
  const lens = h("div", { class: "scrolls", tabindex: 0, role: "group",
    "aria-label": "Logit lens" });
  const positions = strip("Position in the text", (at) => ask(at));
  const title = h("h3", {});
  const hint = h("p", { class: "hint" });
  const element = h("section", { class: "guesses" }, title, hint,
    positions.element, h("div", { class: "columns" }, next, lens));

  function ask(position) {
    const { store } = panel;
    panel.newest("predictions", () => store.call("predictions", { position, top: 10 }),
      (answer) => fill(next, predictionTable(answer, number, store.run.writes)));
    panel.newest("lens", () => store.call("lens", { position, top: 5 }),
      (answer) => fill(lens, answer.layers.length > 0 && lensTable(answer)));
  }

  return {
    element,
    draw(run) {
      const at = positions.at;
      const layers = run.model.layers > 0;
      title.textContent = run.writes ? `What comes next in the text${layers ? ", layer by layer" : ""}`
        : "The classes, and how likely each is";
      hint.textContent = run.writes ? `Choose a position: its likeliest next tokens${layers
        ? ", and what each layer would have said there, were it the last" : ""}.` : "Choose a row.";
      const same = positions.element.childElementCount === run.tokens.length;
      positions.clear();
      for (const { piece } of run.tokens) positions.add(piece);
      const here = same && at >= 0 ? at : run.tokens.length - 1;
      positions.choose(here);
      ask(here);
    },
  };
}

/** The likeliest next tokens with their probabilities, and the one that came. */
export function predictionTable({ rows, target }, mark = number, writes = true) {
  const listed = rows.some(({ id }) => id === target?.id);
  const all = listed || !target ? rows : [...rows, target];
  return h("table", { class: "list candidates" },
    h("caption", {}, writes ? "Likeliest next tokens" : "Likeliest classes"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, writes ? "token" : "class"),
      h("th", { scope: "col", class: "value" }, "p"), h("td", {}))),
    h("tbody", {}, all.map(({ id, piece, probability, name }) => {
      const came = id === target?.id;
      return h("tr", { class: came ? "drawn" : null },
        h("th", { scope: "row" }, token(piece), came && h("small", {}, writes ? " came" : " it is")),
        h("td", { class: "value" }, mark(name, share(probability), probability)),
        h("td", { class: "bars" }, bar(probability)));
    })));
}

function lensTable({ layers }) {
  const most = Math.max(...layers.map(({ rows }) => rows.length));
  const ranks = Array.from({ length: most }, (_, at) => at + 1);
  return h("table", { class: "list lens" },
    h("caption", {}, "What each layer would have said"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "layer"), ranks.map((rank) => {
      return h("th", { scope: "col" }, String(rank));
    }))),
    h("tbody", {}, layers.map(({ name, rows }) => h("tr", {},
      h("th", { scope: "row", title: name }, inWords(name)),
      rows.map(({ piece, probability }) => h("td", { class: "guess", title: String(probability),
        style: { "--share": probability } }, token(piece), h("small", {}, share(probability))))))));
}

// Where in the stream: h.1.resid_pre is what goes into block 1.
function inWords(name) {
  const [, block, place] = name.match(/h\.(\d+)\.resid_(pre|post)$/) ?? [];
  if (!place) return h("code", {}, name);
  return `${place === "pre" ? "before" : "after"} block ${block}`;
}
