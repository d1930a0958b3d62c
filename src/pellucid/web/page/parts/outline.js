// The outline as a tree of words: the same nodes and tensors as in the drawing, for keys and ears.

import { clear, define, h, say, set } from "../core/dom.js";
import { shapeText } from "../core/numbers.js";
import { Part } from "../core/part.js";
import { marked } from "./edits.js";

class Outline extends Part {
  #tree = h("ul", { class: "po-tree", role: "tree", "aria-label": "Outline: parts and tensors" });

  connectedCallback() {
    if (!this.#tree.isConnected) {
      this.append(this.#tree);
      this.#tree.addEventListener("click", (event) => this.#clicked(event));
      this.#tree.addEventListener("keydown", (event) => this.#key(event));
    }
    super.connectedCallback();
  }

  render() {
    const open = new Set([...this.#tree.querySelectorAll('[aria-expanded="true"]')].map(keyOf));
    const { run, experiment } = this.store;
    clear(this.#tree).append(...marked(run.outline, experiment).map((node) => branch(node, open)));
    this.#tree.querySelector(".po-item")?.setAttribute("tabindex", "0");
  }

  /** Mark what is looked at: {tensor, node}. */
  mark({ tensor, node }) {
    for (const one of this.#tree.querySelectorAll('[aria-selected="true"]')) {
      one.setAttribute("aria-selected", "false");
    }
    const items = [...this.#tree.querySelectorAll(".po-item")];
    const found = items.find((one) =>
      tensor ? one.dataset.tensor === tensor.name && one.dataset.node === node?.id
        : one.dataset.node === node?.id && !one.dataset.tensor);
    found?.setAttribute("aria-selected", "true");
  }

  #clicked({ target }) {
    const item = target.closest(".po-item");
    if (!item) return;
    this.#focus(item);
    if (target.closest(".po-twist")) return void turned(item);
    this.#enter(item);
  }

  #enter(item) {
    const { tensor, node, lead } = item.dataset;
    if (item.hasAttribute("aria-expanded")) turned(item, true);
    say(this, "pel-look", tensor ? { tensor, lead: JSON.parse(lead) } : { node });
  }

  #key(event) {
    const item = event.target.closest(".po-item");
    if (!item || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = [...this.#tree.querySelectorAll(".po-item")].filter((one) => one.offsetParent);
    const at = all.indexOf(item);
    const open = item.getAttribute("aria-expanded");
    const parent = item.parentNode.closest(".po-item");
    const moves = {
      ArrowDown: () => all[at + 1],
      ArrowUp: () => all[at - 1],
      Home: () => all[0],
      End: () => all.at(-1),
      ArrowRight: () => (open === "false" ? turned(item, true) : open ? all[at + 1] : item),
      ArrowLeft: () => (open === "true" ? turned(item, false) : parent),
      Enter: () => this.#enter(item) ?? item,
      " ": () => this.#enter(item) ?? item,
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    this.#focus(moves[event.key]() ?? item);
  }

  #focus(item) {
    for (const one of this.#tree.querySelectorAll('[tabindex="0"]')) one.tabIndex = -1;
    item.tabIndex = 0;
    item.focus();
  }
}

function keyOf({ dataset }) {
  return dataset.node;
}

function branch(node, open) {
  const full = node.tensors.length + node.children.length > 0;
  const item = h("li", { class: "po-item", role: "treeitem", tabindex: "-1" });
  item.setAttribute("aria-selected", "false");
  item.dataset.node = node.id;
  const twist = full ? h("span", { class: "po-twist" }) : null;
  const line = h("span", { class: "po-line" }, twist, node.title, markOf(node));
  item.append(line);
  if (!full) return item;
  // What is folded is not there: a model has thousands of tensors.
  item.filled = () => [
    ...node.tensors.map((tensor) => leaf(tensor, node)),
    ...node.children.map((child) => branch(child, open)),
  ];
  item.setAttribute("aria-expanded", "false");
  if (open.has(node.id)) turned(item, true);
  return item;
}

function leaf(tensor, node) {
  const shape = shapeText(tensor.shape);
  const attributes = { class: "po-item po-tensor", role: "treeitem", tabindex: "-1" };
  const item = h("li", { ...attributes, "aria-selected": "false" });
  Object.assign(item.dataset, {
    tensor: tensor.name,
    node: node.id,
    lead: JSON.stringify(tensor.lead),
  });
  const name = h("code", {}, tensor.name);
  const line = h("span", { class: "po-line" }, name, " ", h("span", { class: "shape" }, shape));
  line.append(...markOf(tensor));
  item.append(line);
  return item;
}

// What was done to a part, or how much was done within it, where that is folded away.
function markOf({ mark, marks = 0 }) {
  const said = mark || (marks && `${marks} edited within`);
  return said ? [", ", h("span", { class: "po-mark" }, said)] : [];
}

function turned(item, open = item.getAttribute("aria-expanded") !== "true") {
  let group = item.querySelector(":scope > [role=group]");
  if (open && !group && item.filled) {
    group = h("ul", { role: "group" }, item.filled());
    item.append(group);
  }
  if (group) group.hidden = !open;
  set(item, { "aria-expanded": String(open) });
  return item;
}

define("pel-outline", Outline);
