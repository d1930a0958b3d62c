// The canvas of the drawing: as sharp as the screen, in the page's colors.

import { h, svg } from "../../core/dom.js";
import { palette } from "./palette.js";
import { Pen } from "./pen.js";
import { draw } from "./scene.js";
import { SvgPen } from "./svg_pen.js";
import { setFaces } from "./words.js";

/** A canvas within an element that has the page's colors. */
export class Canvas {
  #within;
  #colors = null;
  #sharp = 1;

  constructor(within) {
    this.#within = within;
    this.element = h("canvas", { class: "pd-canvas", "aria-hidden": "true" });
  }

  /** The colors there are now. */
  get colors() {
    if (!this.#colors) {
      this.#colors = palette(this.#within);
      setFaces(this.#colors);
    }
    return this.#colors;
  }

  /** Look the colors up again: the theme is another. */
  themed() {
    this.#colors = null;
  }

  /** Have that size, in pixels of the page, of which `unit` are one of the drawing's. */
  resize(width, height, unit) {
    const sharp = Math.min(3, window.devicePixelRatio || 1);
    const size = { width: Math.round(width * sharp), height: Math.round(height * sharp) };
    Object.assign(this.element, size);
    this.#sharp = sharp * unit;
  }

  /** Draw a world, and say what is to be pointed at: {targets, numbers}. */
  draw(world, view, size, state) {
    const context = this.element.getContext("2d");
    const sharp = this.#sharp;
    context.setTransform(sharp, 0, 0, sharp, 0, 0);
    context.clearRect(0, 0, size.w, size.h);
    return draw(new Pen(context, this.colors), world, view, size, state);
  }

  /** The same as an SVG element. */
  asSvg(world, view, size, state) {
    const root = svg("svg", { width: size.w, height: size.h, viewBox: `0 0 ${size.w} ${size.h}` });
    root.append(svg("rect", { width: size.w, height: size.h, fill: this.colors.sunk }));
    draw(new SvgPen(root, this.colors), world, view, size, { ...state, sweep: null });
    return root;
  }
}
