// <pel-learning>: two ways to learn, a step at a time or a whole training, one of them in sight.

import "./learn.js";
import "./train.js";
import { define, h } from "../core/dom.js";
import { Part } from "../core/part.js";
import { switcher } from "./controls.js";

const WAYS = [["step", "Step by step"], ["train", "Train on a text of yours"]];

class Learning extends Part {
  #ways = null;
  #choice = null;

  connectedCallback() {
    if (!this.#ways) this.#build();
    super.connectedCallback();
  }

  render() {
    for (const one of Object.values(this.#ways)) {
      if (one.store !== this.store) one.store = this.store;
    }
  }

  /** Show one of the two: "step" or "train". */
  turn(way) {
    this.#choice.value = way;
    for (const [name, one] of Object.entries(this.#ways)) one.hidden = name !== way;
  }

  #build() {
    this.#ways = { step: h("pel-learn"), train: h("pel-train") };
    this.#choice = switcher("How to learn", WAYS, "step", (way) => this.turn(way));
    this.#choice.element.querySelector("legend").className = "unseen";
    this.append(this.#choice.element, ...Object.values(this.#ways));
    this.turn("step");
  }
}

define("pel-learning", Learning);
