// What a logit is the sum of: embeddings, heads, MLPs and biases, as a grid and as a list.

import { fill, h, say } from "../../core/dom.js";
import { written } from "../../core/numbers.js";
import { button, switcher } from "../controls.js";
import { number } from "../pieces.js";
import { brief, heat } from "./heat.js";
import { differenceText } from "./question.js";

const LISTED = 12;
const SUMS = [["embedding", "embeddings"], ["head", "heads"], ["feed-forward", "MLPs"],
  ["bias", "biases"], ["added", "added by hand"]];

/** The attribution of a panel: {element, ask(asked)}. */
export function attribute(panel) {
  let asked = null;
  let found = null;
  let chosen = null;
  const of = switcher("Of", [["two", "difference of logits"], ["one", "the answer's logit alone"]],
    "two", () => asked && ask(asked));
  const sum = h("div", { class: "pa-sum" });
  const table = heat({ label: "What each head and MLP adds, a row a block", said, onchoose: at,
    legend: ["takes away", "adds"] });
  const detail = h("section", { class: "pa-detail", "aria-live": "polite" });
  const list = h("section", { class: "pa-list" });
  const element = h("section", {},
    h("p", { class: "hint" }, "The last norm reads the logit off the residual stream, which is a sum. " +
      "With the norm's scale kept as it was, each term has its own part, and the parts add up exactly; " +
      "what a term does to later blocks, or to that scale, is not in it."),
    h("div", { class: "actions pa-bar" }, of.element), sum,
    h("div", { class: "pa-columns" }, table.element, h("div", {}, detail, list)));

  const heads = () => panel.store.run.model.heads;
  const name = () => (of.value === "two" ? differenceText(asked) : asked.names[0]);

  function said(block, column, value) {
    const what = column === heads() ? "MLP" : `head ${column}`;
    return `block ${block}, ${what}: ${value === null ? "not there yet" : written(value)}`;
  }

  function ask(question) {
    asked = question;
    const { position, first } = asked;
    const second = of.value === "two" ? asked.second : null;
    panel.newest("contributions",
      () => panel.store.call("contributions", { position, first, second }), (answer) => {
        found = answer;
        shown();
      }).then((there) => {
      if (!there) for (const one of [sum, detail, list]) fill(one);
      table.element.hidden = !there;
    });
  }

  function shown() {
    const { layers } = panel.store.run.model;
    const last = heads();
    table.show({ rows: layers, columns: last + 1, corner: "block", side: String,
      top: (column) => (column === last ? "MLP" : column ? String(column) : "head 0") });
    for (const { block, head, part, value } of found.terms) {
      if (part === "head") table.put(block, head, value);
      if (part === "feed-forward") table.put(block, last, value);
    }
    summed();
    listed();
    if (chosen) choose(found.terms.find((one) => one.name === chosen));
    else fill(detail);
  }

  // The sum, part by part, and the logit that it is.
  function summed() {
    const of = (part) => found.terms.filter((one) => one.part === part);
    const parts = SUMS.map(([part, title]) => [title, of(part)]).filter(([, all]) => all.length);
    const total = (all) => all.reduce((whole, { value }) => whole + value, 0);
    const off = Math.abs(found.total - found.value);
    fill(sum,
      parts.map(([title, all], place) => [
        place > 0 && h("span", { class: "pa-sign" }, "+"),
        h("span", { class: "pa-term" }, h("strong", {}, written(total(all).toFixed(4))),
          h("small", {}, all.length === 1 ? title : `${all.length} ${title}`)),
      ]),
      h("span", { class: "pa-sign" }, "="),
      h("span", { class: "pa-term" }, h("strong", {}, written(found.total.toFixed(4))),
        h("small", {}, "their sum")),
      h("span", { class: "pa-term" }, h("strong", {}, written(found.value.toFixed(4))),
        h("small", {}, `${name()}, as it ran`)),
      h("p", { class: "hint" }, off === 0 ? "They are the same number."
        : `They differ by ${off.toExponential(1)}: the run rounds to ` +
          `${panel.store.run.model.dtype}, the terms are added in float64.`,
      found.scale && [" The last norm multiplies by ",
        number(found.scale.name, found.scale.value.toPrecision(4), found.scale.value), "."]));
  }

  function listed() {
    const most = [...found.terms].sort((one, other) => Math.abs(other.value) - Math.abs(one.value));
    const largest = Math.abs(most[0]?.value ?? 1);
    fill(list, h("table", { class: "list" },
      h("caption", {}, "Largest terms"),
      h("tbody", {}, most.slice(0, LISTED).map((one) => h("tr", {},
        h("th", { scope: "row" }, button(one.title, () => choose(one), { class: "term pick" })),
        h("td", { class: "value" }, brief(one.value, largest)),
        h("td", { class: "bars" }, signed(one.value / largest)))))));
  }

  function at(block, column) {
    const part = column === heads() ? "feed-forward" : "head";
    choose(found.terms.find((one) => one.block === block && one.part === part
      && (part !== "head" || one.head === column)));
  }

  function choose(one) {
    if (!one) return fill(detail);
    chosen = one.name;
    const { block, head, part, title, value, neurons } = one;
    if (part === "head" || part === "feed-forward") table.choose(block, head ?? heads());
    const node = part === "head" ? `h.${block}.attn.head.${head}`
      : part === "feed-forward" ? `h.${block}.mlp` : null;
    fill(detail, h("h3", {}, title),
      h("p", { class: "pa-changes" }, h("strong", {}, brief(value)), ` of ${name()} = `,
        written(found.value.toPrecision(5))),
      neurons.length > 0 && neuronTable(neurons),
      node && h("div", { class: "actions" }, button("Show in the drawing",
        () => say(panel, "pel-look", { node }))));
    return null;
  }

  return { element, ask };
}

function neuronTable(neurons) {
  const largest = Math.abs(neurons[0].value) || 1;
  return h("table", { class: "list" },
    h("caption", {}, "Its largest neurons"),
    h("tbody", {}, neurons.map(({ neuron, value, name }) => h("tr", {},
      h("th", { scope: "row" }, number(name, `neuron ${neuron}`, name)),
      h("td", { class: "value" }, brief(value, largest)),
      h("td", { class: "bars" }, signed(value / largest))))));
}

/** A bar from the middle: to the right in blue what adds, to the left in orange what takes away. */
function signed(share) {
  const width = `${Math.min(1, Math.abs(share)) * 50}%`;
  return h("span", { class: `signed ${share < 0 ? "less" : "more"}`, "aria-hidden": "true" },
    h("span", { style: { width } }));
}
