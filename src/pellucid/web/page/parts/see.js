// See: the tokens, the drawing with its outline; a lesson as a column.

import "./drawing.js";
import "./lesson.js";
import "./outline.js";
import "./tokens.js";
import { define, h, say } from "../core/dom.js";
import { keep, kept } from "../core/kept.js";
import { Part } from "../core/part.js";
import { separator } from "./app/separator.js";

const OUTLINE = "outline open";

class See extends Part {
  #parts = null;
  #top = h("div", { class: "pel-see-top" });

  connectedCallback() {
    if (!this.#parts) this.#build();
    super.connectedCallback();
  }

  render() {
    for (const part of Object.values(this.#parts)) {
      if (part.store !== this.store) part.store = this.store;
    }
    const lesson = this.store.run.kind === "lesson";
    this.classList.toggle("pel-see-lesson", lesson);
    this.#parts.lesson.hidden = !lesson;
    this.#top.hidden = lesson;
    this.#parts.tokens.hidden = !this.store.run.tokens.length;
    this.#parts.read.hidden = !this.store.run.other;
  }

  /** Go to {node} or {tensor, lead}. */
  look(detail) {
    if (this.store.run.kind === "lesson") return this.#parts.lesson.look(detail);
    return this.#parts.drawing.look(detail);
  }

  /** Light some parts of the drawing, and dim the others; null ends it. */
  spotlight(targets) {
    this.#parts.drawing.spotlight(targets);
  }

  #build() {
    const made = (tag) => h(tag);
    const parts = {
      tokens: made("pel-tokens"),
      outline: made("pel-outline"),
      drawing: made("pel-drawing"),
      lesson: made("pel-lesson"),
    };
    const side = h("details", { class: "pel-outline-box", open: kept(OUTLINE) === "yes" });
    side.append(h("summary", {}, "Outline"), parts.outline);
    side.addEventListener("toggle", () => keep(OUTLINE, side.open ? "yes" : "no"));
    const line = separator({ of: side, name: "outline" });
    const middle = h("div", { class: "pel-see-middle" }, side, line, parts.drawing, parts.lesson);
    parts.read = h("button", { class: "quiet pel-read", hidden: true,
      onclick: () => this.store.show({ subject: this.store.run.other }) }, "As a lesson");
    this.#parts = parts;
    this.append(this.#top, middle);
    this.#top.append(parts.tokens, parts.read, parts.drawing.tools); // one row above the drawing
    this.addEventListener("pel-chosen", ({ detail }) => {
      parts.outline.mark(detail);
      const { tensor, node } = detail;
      const focus = tensor ? { tensor: tensor.name, lead: tensor.lead } : { node: node?.id };
      say(this, "pel-focus", focus);
    });
  }
}

define("pel-see", See);
