// A lesson: its parts one below the other, each step with its formulas, words and tables.

import "./table.js";
import { define, fill, h, mathml, reachable, say } from "../core/dom.js";
import { shapeText } from "../core/numbers.js";
import { Part } from "../core/part.js";
import { isAttention } from "./inspector.js";

class Lesson extends Part {
  #watch = new IntersectionObserver((entries) => this.#near(entries), { rootMargin: "400px" });

  render() {
    this.#watch.disconnect();
    const { kind, title, about, source, outline, other } = this.store.run;
    this.hidden = kind !== "lesson";
    if (this.hidden) return void fill(this);
    const head = h("header", {}, h("h1", {}, title));
    for (const line of about.split("\n").filter(Boolean)) head.append(h("p", {}, line));
    if (other) {
      const open = () => this.store.show({ subject: other });
      head.append(h("p", {}, h("button", { class: "main", onclick: open }, "Open its model")));
    }
    if (source) head.append(h("p", { class: "muted" }, source));
    fill(this, head, outline.map((part) => this.#part(part)));
    reachable(this);
  }

  /** Go to {node} or {tensor}. */
  look({ node, tensor }) {
    const own = (one) => (tensor ? one.dataset.name === tensor : one.dataset.node === node);
    const found = [...this.querySelectorAll("[data-node], [data-name]")].find(own);
    found?.scrollIntoView({ block: "start", behavior: "smooth" });
  }

  #part(part) {
    const steps = part.children.length ? part.children : [part];
    return h(
      "section",
      { class: "pl-part", "data-node": part.id },
      h("h2", {}, part.title),
      steps.map((step) => this.#step(step, step !== part)),
    );
  }

  #step(step, titled) {
    return h(
      "section",
      { class: "pl-step", "data-node": step.id },
      titled && step.title ? h("h3", {}, step.title) : null,
      step.formulas.map((one) => h("p", { class: "formula" }, mathml(one))),
      h("div", { class: "pl-values" }, step.tensors.map((tensor) => this.#tensor(tensor))),
      step.lines.length ? h("pre", {}, step.lines.join("\n")) : null,
      step.says && h("p", { class: "says" }, step.says),
    );
  }

  #tensor(tensor) {
    const choose = () => say(this, "pel-chosen", { tensor, node: null });
    const open = h("button", { class: "link", title: "Open beside", onclick: choose });
    open.append(h("code", {}, tensor.name));
    const head = h(
      "p",
      { class: "pl-name" },
      open,
      " ",
      h("span", { class: "shape" }, shapeText(tensor.shape)),
      tensor.symbol && h("span", { class: "symbol" }, ` ${tensor.symbol}`),
      h("span", { class: "muted" }, ` ${tensor.meaning}`),
    );
    const place = h("div", { class: "pl-value", "data-name": tensor.name }, head);
    if (isAttention(tensor)) place.classList.add("pl-attention");
    place.tensor = tensor;
    this.#watch.observe(place);
    return place;
  }

  // A table is made when it comes near the window: a lesson has hundreds.
  #near(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.#watch.unobserve(target);
      const table = Object.assign(h("pel-table"), { store: this.store, tensor: target.tensor });
      target.append(table);
    }
  }
}

define("pel-lesson", Lesson);
