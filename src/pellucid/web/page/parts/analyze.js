// <pel-analyze>: what a researcher asks of a run. Everything is picked by pointing at it.

import { define, fill, h } from "../core/dom.js";
import { attribute } from "./analyze/attribute.js";
import { patch } from "./analyze/patch.js";
import { paths } from "./analyze/paths.js";
import { question } from "./analyze/question.js";
import { steer } from "./analyze/steer.js";
import { sweep } from "./analyze/sweep.js";
import { switcher } from "./controls.js";
import { Panel, lessonLine } from "./panel.js";

const WAYS = [
  ["sweep", "Ablate heads", sweep],
  ["contributions", "Take the logit apart", attribute],
  ["paths", "Follow paths", paths],
  ["patching", "Patch from another text", patch],
  ["steering", "Steer", steer],
];

const OTHER = "Analyses go on from a block of a model of GPT's or of Llama's family, and this is " +
  "none: take such a model.";

class Analyze extends Panel {
  #parts = {};
  #way = WAYS[0][0];

  disconnectedCallback() {
    super.disconnectedCallback();
    this.rest();
  }

  build() {
    const ways = new Map(WAYS.map(([name, , make]) => [name, make(this)]));
    const names = WAYS.map(([name, title]) => [name, title]);
    const made = {
      why: h("p", { class: "empty" }),
      question: question(this, () => this.#asked()),
      switcher: switcher("What to do", names, this.#way, (way) => this.#choose(way)),
      ways,
    };
    this.#parts = made;
    made.switcher.element.classList.add("pa-ways");
    made.switcher.element.querySelector("legend").className = "unseen";
    made.all = h("div", {}, made.question.element, made.switcher.element,
      [...ways.values()].map(({ element }) => element));
    fill(this, h("h2", { class: "unseen" }, "Analyze"), made.why, made.all);
    this.#choose(this.#way);
  }

  /** Let go of what is at work: another run is there. */
  rest() {
    for (const way of this.#parts.ways?.values() ?? []) way.rest?.();
  }

  draw(run) {
    const apart = run.writes && run.reads.length === 1 && run.model?.heads > 0;
    this.#parts.why.hidden = apart;
    fill(this.#parts.why, run.kind === "lesson" ? lessonLine(this.store) : OTHER);
    this.#parts.all.hidden = !apart;
    if (!apart) return this.rest();
    this.#parts.question.draw(run);
    for (const way of this.#parts.ways.values()) way.draw?.(run);
    return null;
  }

  #choose(name) {
    this.#way = name;
    for (const [one, { element }] of this.#parts.ways) element.hidden = one !== name;
    this.#asked();
  }

  // What is asked is known, or another: the way that is looked at answers it.
  #asked() {
    const { asked } = this.#parts.question;
    if (asked) this.#parts.ways.get(this.#way).ask(asked);
  }
}

define("pel-analyze", Analyze);
