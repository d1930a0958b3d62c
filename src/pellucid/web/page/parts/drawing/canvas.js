// The canvas of the drawing: as sharp as the screen, in the page's colors.

import { h, svg } from "../../core/dom.js";
import { fitting } from "./camera.js";
import { palette } from "./palette.js";
import { Pen } from "./pen.js";
import { draw } from "./scene.js";
import { SvgPen } from "./svg_pen.js";
import { setFaces } from "./words.js";

const EXPORTED = { least: 1600, most: 6000 }; // pixels
const LETTERS = 16; // pixels of the page's letters, as a rule

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

  /** Have that size in pixels of the page; {w, h} in those of the drawing, which are larger where
   * the page's letters are, as in a talk. */
  resize(width, height) {
    const unit = Math.max(1, parseFloat(getComputedStyle(this.#within).fontSize) / LETTERS);
    const sharp = Math.min(3, window.devicePixelRatio || 1);
    const size = { width: Math.round(width * sharp), height: Math.round(height * sharp) };
    Object.assign(this.element, size);
    this.#sharp = sharp * unit;
    return { w: width / unit, h: height / unit };
  }

  /** Draw a world, and say what is to be pointed at: {targets, numbers}. */
  draw(world, view, size, state) {
    const context = this.element.getContext("2d");
    const sharp = this.#sharp;
    context.setTransform(sharp, 0, 0, sharp, 0, 0);
    context.clearRect(0, 0, size.w, size.h);
    return draw(new Pen(context, this.colors), world, view, size, state);
  }

  /** All of it as an SVG that stands alone, at about a scale: {svg, width, height}. */
  whole(world, scale, state) {
    const wide = Math.max(EXPORTED.least, world.w * scale);
    const by = Math.min(wide / world.w, EXPORTED.most / Math.max(world.w, world.h));
    const [w, h] = [Math.ceil(world.w * by), Math.ceil(world.h * by)];
    const root = svg("svg", { width: w, height: h, viewBox: `0 0 ${w} ${h}` });
    root.append(svg("rect", { width: w, height: h, fill: this.colors.sunk }));
    const view = fitting(world, { w, h });
    draw(new SvgPen(root, this.colors), world, view, { w, h }, { ...state, sweep: null });
    return { svg: root, width: w, height: h };
  }
}
