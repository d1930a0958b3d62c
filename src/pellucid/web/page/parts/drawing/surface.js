// The surface of the drawing: a canvas that is drawn when something has changed, and over it the
// buttons, which follow when it has come to rest. At rest no frame is asked for.

import { h } from "../../core/dom.js";
import { targetAt } from "./aim.js";
import { Canvas } from "./canvas.js";
import { Sweep } from "./glide.js";
import { KEYS } from "./keys.js";
import { Overlay } from "./overlay.js";

const REST = 70; // milliseconds without a movement: then the buttons follow what is drawn
const SWEEP = 2000; // milliseconds of the light that goes through a new run

/** Shows what `look()` says: {world, view, size, state, chosen}, or null for nothing; `drawn(view)`
 * is told of each view that was drawn. */
export class Surface {
  #look;
  #drawn;
  #canvas;
  #overlay = new Overlay(KEYS);
  #sweep = new Sweep(SWEEP, () => this.paint());
  #frame = 0;
  #rest = 0;
  #seen = null; // what was drawn last: its targets and numbers
  #placed = null; // the view that the buttons stand for
  #moved = null; // the view that was drawn last

  /** It has the colors that there are within an element. */
  constructor(within, look, drawn) {
    this.#look = look;
    this.#drawn = drawn;
    this.#canvas = new Canvas(within);
    this.element = h("div", { class: "pd-window" }, this.#canvas.element, this.#overlay.root);
  }

  /** The layer of buttons. */
  get buttons() {
    return this.#overlay;
  }

  /** The colors there are now. */
  get colors() {
    return this.#canvas.colors;
  }

  /** The theme is another. */
  themed() {
    this.#canvas.themed();
  }

  /** Have that size in pixels of the page; {w, h} in those of the drawing. */
  resize(width, height) {
    const size = this.#canvas.resize(width, height);
    this.#overlay.resize(width, height, size);
    return size;
  }

  /** All of a world as an SVG that stands alone: {svg, width, height}. */
  whole(world, scale, state) {
    return this.#canvas.whole(world, scale, state);
  }

  /** What is under a point of the window, as it is drawn there now: {number}, {item}, or neither. */
  under(at) {
    return this.#seen && targetAt(this.#seen, at);
  }

  /** Whether some part of a box is seen, where it has any: in a small window a box may fill it and
   * still be drawn as from afar. */
  parted({ children }) {
    const seen = this.#seen?.targets ?? [];
    return !children.length || seen.some(({ item, hit }) => hit && children.includes(item));
  }

  /** Send a light through what is drawn. */
  sweep() {
    this.#sweep.begin();
  }

  /** Draw at the next frame. */
  later() {
    if (!this.#frame && this.element.isConnected) {
      this.#frame = requestAnimationFrame(() => this.paint());
    }
  }

  /** Draw now. */
  paint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const now = this.#look();
    if (!now) return;
    const { world, view, size, state } = now;
    this.#seen = this.#canvas.draw(world, view, size, { ...state, sweep: this.#sweep.part });
    if (this.#placed) this.#overlay.shift(this.#placed, view);
    // What arrives while one looks on must not keep the buttons waiting.
    if (view !== this.#moved) clearTimeout(this.#rest);
    if (view !== this.#moved || !this.#rest) this.#rest = setTimeout(() => this.place(), REST);
    this.#moved = view;
    this.#drawn(view);
  }

  /** Have the buttons stand where what they are for was drawn. */
  place() {
    clearTimeout(this.#rest);
    this.#rest = 0;
    const now = this.#look();
    if (!this.#seen || !now) return;
    this.#placed = now.view;
    this.#overlay.place(this.#seen, { current: now.state.current, chosen: now.chosen });
  }

  /** End what is on its way: it is taken away, or hidden. */
  stop() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#rest);
    [this.#frame, this.#rest] = [0, 0];
    this.#sweep.stop();
  }
}
