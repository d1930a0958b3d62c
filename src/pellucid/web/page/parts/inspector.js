// What is chosen: a tensor's numbers, facing them their gradient; or a step and its formulas.

import "./arcs.js";
import "./table.js";
import { define, fill, h, mathml, reachable, say } from "../core/dom.js";
import { numberName, shapeText, written } from "../core/numbers.js";
import { Part } from "../core/part.js";
import { save } from "../core/share.js";
import { partAsSvg } from "./export.js";

class Inspector extends Part {
  #chosen = null;
  #arcs = false;

  connectedCallback() {
    this.hidden = !this.#chosen;
    super.connectedCallback();
  }

  render() {
    if (!this.#chosen) return;
    const found = foundAgain(this.store.run.outline, this.#chosen);
    if (found) this.show(found);
    else this.close();
  }

  /** Show {tensor, node}, or {node}. */
  show(chosen) {
    this.#chosen = chosen;
    this.hidden = !chosen.node && !chosen.tensor;
    this.classList.toggle("pi-node", !chosen.tensor);
    if (this.hidden) return;
    fill(this, chosen.tensor ? this.#tensor(chosen) : this.#node(chosen.node));
    reachable(this);
  }

  /** What is chosen: {tensor, node}, {node}, or null. */
  get chosen() {
    return this.#chosen;
  }

  /** Show nothing. */
  close() {
    this.#chosen = null;
    this.hidden = true;
    fill(this);
  }

  #tensor({ tensor, node }) {
    const tables = h("div", { class: "pi-facing" });
    const arcs = isAttention(tensor) && h("button", { class: "pi-arcs" });
    const facts = h("p", { class: "pi-facts muted tabular" });
    const fillTables = () => {
      if (arcs) arcs.textContent = this.#arcs ? "As tables" : "As arcs";
      fill(tables, this.#arcs && arcs ? this.#arcsOf(tensor) : this.#tablesOf(tensor));
    };
    if (arcs) {
      arcs.addEventListener("click", () => {
        this.#arcs = !this.#arcs;
        fillTables();
      });
    }
    fillTables();
    this.#facts(tensor, facts);
    return [this.#head(named(tensor), [arcs]), facts, tables, this.#about(node)];
  }

  #node(node) {
    const title = h("h2", {}, node.title);
    const list = node.tensors.map((tensor) => h("li", {}, this.#link(tensor)));
    const tensors = list.length ? h("ul", { class: "pi-list" }, list) : null;
    return [this.#formulas(node), tensors, this.#head(title, [])];
  }

  #link({ name, lead, shape, symbol, meaning }) {
    const look = () => say(this, "pel-look", { tensor: name, lead });
    const button = h("button", { class: "link", onclick: look }, h("code", {}, name));
    const size = h("span", { class: "shape" }, shapeText(shape));
    const sign = symbol && h("span", { class: "symbol" }, symbol);
    return [h("span", {}, meaning), " ", sign, h("span", { class: "pi-code" }, button, " ", size)];
  }

  #head(title, tools) {
    const download = h("button", { class: "quiet", title: "Save this as SVG" }, "SVG");
    download.addEventListener("click", async () => save(await partAsSvg(this), "pellucid-tensor.svg"));
    const buttons = h("div", { class: "pi-tools" }, tools, download);
    return h("div", { class: "pi-head" }, title, buttons);
  }

  #tablesOf(tensor) {
    const value = h("pel-table");
    Object.assign(value, { store: this.store, tensor });
    if (!tensor.gradient) return [h("section", { class: "pi-side", "aria-label": "value" }, value)];
    const gradient = h("pel-table");
    const own = { ...tensor, name: tensor.gradient, gradient: null, editable: false };
    Object.assign(gradient, { store: this.store, tensor: own });
    value.addEventListener("pel-lead", ({ detail }) => { gradient.lead = detail.lead; });
    gradient.addEventListener("pel-lead", ({ detail }) => { value.lead = detail.lead; });
    value.face(gradient);
    const title = (text, name) => h("h3", {}, text, " ", h("code", {}, name));
    return [
      h("section", { class: "pi-side" }, title("value", tensor.name), value),
      h("section", { class: "pi-side pi-back" }, title("gradient", tensor.gradient), gradient),
    ];
  }

  #arcsOf(tensor) {
    return Object.assign(h("pel-arcs"), { store: this.store, tensor });
  }

  async #facts({ name, shape, lead = [] }, place) {
    const axes = Math.max(0, shape.length - 2);
    const whole = [...lead, ...Array(axes).fill(0)].slice(0, axes);
    try {
      const one = { name, lead: whole, rows: [0, 1], columns: [0, 1] };
      const { dtype, statistics } = await this.store.tensor(one);
      fill(place, [dtype, statistics && written(statistics)].filter(Boolean).join(" · "));
    } catch {
      // The store has said it.
    }
  }

  #about(node) {
    const formulas = node && this.#formulas(node);
    if (!formulas?.children.length) return null;
    return h("details", { class: "pi-about" }, h("summary", {}, node.title), formulas);
  }

  #formulas({ formulas, says, lines }) {
    return h(
      "div",
      { class: "pi-formulas" },
      formulas.map((one) => h("p", { class: "formula" }, mathml(one))),
      says && h("p", { class: "says" }, says),
      lines.length ? h("pre", {}, lines.join("\n")) : null,
    );
  }
}

function named({ name, shape, symbol, meaning, parameter, editable, lead }) {
  return h(
    "h2",
    {},
    h("code", {}, numberName(name, lead)),
    " ",
    h("span", { class: "shape" }, shapeText(shape) || "one number"),
    symbol && h("span", { class: "symbol" }, symbol),
    h("span", { class: "meaning" }, meaning),
    parameter && h("span", { class: "tag" }, "parameter"),
    editable && h("span", { class: "tag", title: "e, or a double click on a number" }, "editable"),
  );
}

/** Whether a tensor holds attention weights, a table a head. */
export function isAttention({ name, shape }) {
  return name.endsWith(".att") && shape.length === 3;
}

function foundAgain(nodes, { tensor, node }) {
  for (const one of nodes) {
    if (one.id === node?.id) {
      if (!tensor) return { node: one };
      const same = one.tensors.find(({ name }) => name === tensor.name);
      if (same) return { node: one, tensor: same };
    }
    const inside = foundAgain(one.children, { tensor, node });
    if (inside) return inside;
  }
  return null;
}

define("pel-inspector", Inspector);
