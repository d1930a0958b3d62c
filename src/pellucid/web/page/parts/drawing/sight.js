// Where one looks: at all of the world, at a box, or where one has come by hand; and the way there.

import { boxOf, mostScale, toNumbers } from "./aim.js";
import { dragged, fitting, held, zoomed } from "./camera.js";
import { glide } from "./glide.js";

const GLIDE = 420; // milliseconds from one box to the next
const STEP = 160; // and of a zoom by a key or a button
const PATH = 26; // pixels at the top, in which it is written where one is

/** The view on a world in a window; `shown` is called for each view that is to be drawn at once,
 * `moved` for one that may wait for the next frame. */
export class Sight {
  #world = null;
  #size = { w: 0, h: 0 };
  #limits = { least: 0.01, most: 100 };
  #stop = () => {}; // breaks a glide off
  #shown;
  #moved;
  view = null;
  aim = null; // the box that the view is fitted to, until it is moved by hand

  constructor(shown, moved) {
    this.#shown = shown;
    this.#moved = moved;
  }

  /** Look at another world, or at the same in another window; its items are known by their keys. */
  over(world, size, known) {
    [this.#world, this.#size] = [world, size];
    const again = ({ key }) => known.get(key);
    const together = this.aim?.around?.map(again).filter(Boolean);
    if (this.aim) this.aim = together?.length ? { around: together } : again(this.aim) ?? null;
    const least = fitting(world, size.w ? size : { w: 800, h: 500 }).k * 0.6;
    this.#limits = { least, most: mostScale(world) };
  }

  /** The scale at which all is seen. */
  get home() {
    return fitting(this.#world, this.#size).k;
  }

  /** Whether all is seen. */
  get whole() {
    return !this.#size.w || this.view.k <= this.home * 1.02;
  }

  /** Look at all of it. */
  all(slowly) {
    this.aim = this.#world;
    this.#go(fitting(this.#world, this.#size), slowly);
  }

  /** Look at a box, or at several: {around: items}. */
  at(item, slowly = true) {
    this.aim = item;
    if (this.#size.w) this.#go(this.#fitted(item), slowly);
  }

  /** Whether a box fills the window. */
  on(item) {
    const { x, y, k } = this.#fitted(item);
    const [dx, dy] = [(x - this.view.x) * k, (y - this.view.y) * k];
    return Math.abs(k / this.view.k - 1) < 0.02 && Math.hypot(dx, dy) < 12;
  }

  /** From a tensor as a whole to its numbers, about a point of the window; into another box. */
  into(item, at = this.#middle()) {
    const whole = this.#fitted(item);
    const factor = item.tensor ? toNumbers(item, whole) : 2;
    this.#glide(zoomed(whole, factor, at, this.#limits), GLIDE);
  }

  /** Nearer by a factor, about the middle. */
  nearer(factor) {
    this.aim = null;
    this.#glide(zoomed(this.view, factor, this.#middle(), this.#limits), STEP);
  }

  /** By hand: dragged by pixels. */
  drag(dx, dy) {
    this.aim = null;
    this.stay(dragged(this.view, dx, dy));
  }

  /** By hand: nearer about a point. */
  zoom(factor, at) {
    this.aim = null;
    this.stay(zoomed(this.view, factor, at, this.#limits));
  }

  /** Be at a view, within the world. */
  stay(view = this.view) {
    this.#stop();
    this.view = held(view, this.#world, this.#size);
    this.#moved();
  }

  /** Break off what is on its way. */
  stop() {
    this.#stop();
  }

  #fitted(item) {
    const top = item === this.#world || this.#size.h < 200 ? 0 : PATH;
    return fitting(boxOf(item), this.#size, this.#limits.most, top);
  }

  #middle() {
    return { x: this.#size.w / 2, y: this.#size.h / 2 };
  }

  #go(view, slowly) {
    if (slowly) this.#glide(view, GLIDE);
    else this.stay(view);
  }

  #glide(view, time) {
    this.#stop();
    this.#stop = glide(this.view, view, this.#size, time, (now) => {
      this.view = now;
      this.#shown();
    });
  }
}
