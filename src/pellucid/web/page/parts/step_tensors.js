// A parameter and the step that its optimizer would take: weight, gradient, moments, update, new.

import { h } from "../core/dom.js";
import { short } from "./pieces.js";
import { byName, tensorFigure } from "./tensors.js";

const STEP = [
  ["", "the weight"],
  ["d", "its gradient"],
  [".m_before", "running mean of the gradient, so far"],
  [".v_before", "running mean of its square, so far"],
  [".m", "running mean of the gradient"],
  [".v", "running mean of its square"],
  [".m_hat", "m, corrected for its start at 0"],
  [".v_hat", "v, corrected for its start at 0"],
  [".update", "what the step adds"],
  [".new", "the weight after the step"],
];

/** The names that a parameter's step has on this run's tape, with what each is. */
export function stepNames(run, name) {
  const known = new Set(run.names ?? byName(run.outline).keys());
  return STEP.map(([part, says]) => [part === "d" ? `d${name}` : `${name}${part}`, says])
    .filter(([one]) => known.has(one));
}

/** Tables of a parameter's step, beside each other. */
export function stepTensors(store, run, name) {
  const tensors = byName(run.outline);
  const own = tensors.get(name);
  const found = stepNames(run, name);
  const previewed = found.some(([one]) => one.endsWith(".update"));
  return [
    !previewed && h("p", { class: "hint" }, "A model of this size takes steps, and its next " +
      "step is not shown before it is taken."),
    found.map(([one, says]) => {
      const tensor = tensors.get(one) ?? { name: one, shape: own.shape, lead: [], editable: false };
      return tensorFigure(store, tensor, says);
    }),
  ];
}

/** All parameters with their norms; one of them is chosen. */
export function parameterTable(rows, chosen, onchoose) {
  const heads = ["parameter", "‖w‖", "‖dw‖", "‖Δw‖", "‖Δw‖ / ‖w‖"];
  return h("table", { class: "list" },
    h("caption", { class: "unseen" }, "Parameters and their norms"),
    h("thead", {}, h("tr", {}, heads.map((one, at) => {
      return h("th", { scope: "col", class: at ? "value" : "" }, one);
    }))),
    h("tbody", {}, rows.map((row) => parameterRow(row, row.name === chosen, onchoose))));
}

function parameterRow({ name, value, gradient, update }, chosen, onchoose) {
  const choose = h("button", {
    type: "button", class: "term pick", "data-name": name, "aria-pressed": String(chosen),
    onclick: () => onchoose(name),
  }, name);
  const cell = (one) => h("td", { class: "value", title: String(one ?? "") },
    one === null || one === undefined ? "–" : short(one));
  return h("tr", {}, h("th", { scope: "row" }, choose),
    cell(value), cell(gradient), cell(update), cell(update === null ? null : update / value));
}
