// What the panels have in common: built once, drawn on each new run, and only while they are seen.

import { Part } from "../core/part.js";
import { button } from "./controls.js";

/** A part with a form: build() makes it once, draw(run) shows a run in it. */
export class Panel extends Part {
  #built = false;
  #stale = false;
  #turns = new Map();
  #size = new ResizeObserver(() => this.#stale && this.#now());

  connectedCallback() {
    super.connectedCallback();
    this.#size.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#size.disconnect();
  }

  /** Make what stays from run to run. */
  build() {}

  /** Show a run. */
  draw() {}

  /** Let go of what would ask the server by itself: another run is there, and nobody looks. */
  rest() {}

  // A panel behind another one asks the server nothing: it is drawn when it comes to the front.
  render() {
    this.#stale = true;
    this.#now();
    if (this.#stale && this.#built) this.rest();
  }

  /** Await work and show its answer, unless newer of that kind was begun; false if it failed. */
  async newest(kind, work, show) {
    const mine = (this.#turns.get(kind) ?? 0) + 1;
    this.#turns.set(kind, mine);
    try {
      const answer = await work();
      if (this.#turns.get(kind) === mine && this.isConnected) show(answer);
      return true;
    } catch (error) {
      if (!["ApiError", "AbortError"].includes(error.name)) throw error;
      return false; // the store has said the problem
    }
  }

  #now() {
    if (!this.checkVisibility()) return;
    this.#stale = false;
    if (!this.#built) this.build();
    this.#built = true;
    this.draw(this.store.run);
  }
}

/** Why there is nothing to do with a lesson, and the way to its model where it is about one. */
export function lessonLine(store) {
  const { other } = store.run;
  if (!other) {
    return "This lesson runs layers by themselves: there is no model to change. Choose a worked " +
      "example to change, or a model.";
  }
  const open = button("Open its model", () => store.show({ subject: other }), { class: "do main" });
  return ["This is a lesson to read. The model that it is about can be changed. ", open];
}
