// The whole way as one drawing: zoom from the model to a block, a head, a single number.

import { define, h, say, set, svg } from "../core/dom.js";
import { Part } from "../core/part.js";
import { dragged, fitting, held, zoomed } from "./drawing/camera.js";
import { gestures } from "./drawing/gestures.js";
import { glide } from "./drawing/glide.js";
import { indexed, keyed, siblingOf } from "./drawing/keys.js";
import { formOf, layout } from "./drawing/layout.js";
import { Painter } from "./drawing/paint.js";
import { Pictures } from "./drawing/pictures.js";
import { mostScale, scene } from "./drawing/scene.js";
import { dim, found } from "./drawing/spotlight.js";
import { toolbar } from "./drawing/toolbar.js";
import { marked } from "./edits.js";
import { Tiles } from "./tiles.js";

const HEAVY = 400; // items
const PAUSE = 110; // milliseconds between two full drawings of so many
const TURNED = 0.06; // how much another aspect, as a logarithm, asks for another layout
const GLIDE = 420; // milliseconds from one box to the next
const HELP = "The model as one drawing. Enter goes into a box, Escape out of it, the arrow keys " +
  "to the boxes beside it, plus and minus zoom, 0 shows all.";

class Drawing extends Part {
  #svg = null;
  #painter = null;
  #toolbar = null;
  #world = null;
  #known = new Map();
  #view = null;
  #size = { w: 0, h: 0 };
  #mode = "forward";
  #current = "";
  #chosen = "";
  #limits = { least: 0.01, most: 100 };
  #frame = 0;
  #stop = () => {}; // breaks a glide off
  #shape = "";
  #aspect = 1.6;
  #drawn = null; // the view that the elements stand for
  #sized = null;
  #painted = 0;
  #rest = 0;
  #lit = null; // the targets of the spotlight
  #aim = null; // the box that the view is fitted to, until it is moved by hand

  connectedCallback() {
    if (!this.#svg) this.#build();
    super.connectedCallback();
  }

  listen(signal) {
    const themed = () => this.#themed();
    window.addEventListener("pel-theme", themed, { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themed, { signal });
  }

  render() {
    const { outline, kind } = this.store.run;
    this.hidden = kind === "lesson";
    this.#painter.pictures.clear();
    this.#painter.cells.clear();
    // The same way with other numbers, after a step or an edit: one goes on looking where one was.
    const shape = formOf(outline);
    const same = shape === this.#shape && this.#view;
    this.#shape = shape;
    this.#painter.clear();
    this.#laid();
    if (!same) this.#home();
    this.#later();
  }

  /** Go to a node or a tensor: {node: id} or {tensor: name}; `quiet` chooses it not. */
  look(target) {
    if (!target.node && !target.tensor) return void this.#home(true);
    const item = found(this.#known.values(), target);
    if (!item) return;
    this.#current = item.key;
    if (!target.quiet) this.#choose(item);
    this.#to(item);
  }

  /** Dim all but these: {node} or {tensor, lead, row, column}; null ends it. */
  spotlight(targets) {
    this.#lit = targets;
    this.#later();
  }

  /** What is drawn, as an SVG element, and its size. */
  get picture() {
    return { svg: this.#svg, width: this.#size.w, height: this.#size.h };
  }

  #build() {
    const layer = svg("g");
    this.#svg = svg("svg", { class: "pd", role: "group", "aria-label": HELP }, layer);
    const again = () => this.#later();
    const reader = this.#reader();
    this.#painter = new Painter(layer, new Pictures(reader, again, this), new Tiles(reader, again));
    this.#toolbar = toolbar({
      mode: (mode) => this.#turn(mode),
      zoom: (factor) => this.#zoom(factor),
      fit: () => this.#home(true),
      go: (item) => this.#go(item),
    });
    const place = h("div", { class: "pd-window" }, this.#svg);
    this.append(this.#toolbar.element, place);
    new ResizeObserver(([{ contentRect }]) => this.#resized(contentRect)).observe(place);
    gestures(this.#svg, {
      // A notebook scrolls by the wheel, and goes on doing so over the drawing.
      wheels: (event) => event.ctrlKey || event.metaKey || !this.closest("pel-app")?.embedded,
      drag: (dx, dy) => this.#byHand(dragged(this.#view, dx, dy)),
      zoom: (factor, at) => this.#byHand(zoomed(this.#view, factor, at, this.#limits)),
      pick: (target) => this.#pick(target),
      enter: (target) => this.#enter(this.#item(target)),
    });
    this.#svg.addEventListener("keydown", (event) => keyed(event, this.#keys()));
    this.#svg.addEventListener("focusin", ({ target }) => this.#focused(target));
  }

  #reader() {
    // Of the store that is there when something is asked, not of the one at the beginning.
    const [picture, tensor] = ["picture", "tensor"].map((name) => (fields) => this.store[name](fields));
    return { picture, tensor };
  }

  #keys() {
    return {
      enter: () => this.#enter(this.#known.get(this.#current)) || true,
      leave: () => this.#leave(),
      sibling: (step) => this.#go(siblingOf(this.#known.get(this.#current), step)) || true,
      zoom: (factor) => this.#zoom(factor) || true,
      fit: () => this.#home(true) || true,
      why: (number) => this.#why(number) || true,
      back: () => this.#go(this.#known.get(this.#current)) || true,
      number: (number, down, right) => this.#beside(number, down, right) || true,
    };
  }

  #laid() {
    const { w, h: high } = this.#size;
    this.#aspect = w && high ? w / high : 1.6;
    const how = { mode: this.#mode, aspect: this.#aspect };
    this.#world = layout(marked(this.store.run.outline, this.store.experiment), how);
    this.#known = indexed(this.#world);
    if (!this.#known.has(this.#current)) this.#current = this.#world.children[0]?.key ?? "";
    const least = fitting(this.#world, this.#size.w ? this.#size : { w: 800, h: 500 }).k * 0.6;
    this.#limits = { least, most: mostScale(this.#world) };
  }

  #resized({ width, height }) {
    this.#size = { w: width, h: height };
    set(this.#svg, { viewBox: `0 0 ${width} ${height}`, width, height });
    if (!this.store?.run || !width || !height) return;
    const aim = this.#aim?.key;
    if (aim && aim !== "model") this.#to(this.#known.get(aim));
    else if (!this.#view || aim) this.#home();
    else this.#move(this.#view);
  }

  #whole(size) {
    return !size.w || this.#view.k <= fitting(this.#world, size).k * 1.02;
  }

  #turn(mode) {
    const item = this.#toolbar.at ?? this.#world;
    const whole = this.#whole(this.#size);
    this.#mode = mode;
    this.#painter.clear();
    this.#laid();
    if (whole) this.#home();
    else this.#move(fitting(this.#known.get(item.key) ?? this.#world, this.#size));
  }

  #home(slowly = false) {
    if (!this.#size.w) return;
    const aspect = this.#size.w / this.#size.h;
    // All of it is shown in lines that fit the window; what is seen from near stays where it is.
    if (Math.abs(Math.log(aspect / this.#aspect)) > TURNED) this.#laid();
    this.#aim = this.#world;
    const view = fitting(this.#world, this.#size);
    if (slowly) this.#glideTo(view);
    else this.#move(view);
  }

  #go(item) {
    if (!item || item === this.#world) return void this.#home(true);
    this.#current = item.key;
    this.#to(item);
    requestAnimationFrame(() => this.#painter.element(item.key)?.focus({ preventScroll: true }));
  }

  #to(item) {
    this.#aim = item;
    if (this.#size.w) this.#glideTo(fitting(item, this.#size, this.#limits.most));
  }

  #enter(item) {
    if (!item) return;
    const there = Math.abs(fitting(item, this.#size).k / this.#view.k - 1) < 0.02;
    this.#choose(item);
    if (!there) return void this.#go(item);
    const numbers = this.#painter.element(`picture:${item.key}#0`)?.querySelector(".pd-number");
    if (numbers) numbers.focus();
    else if (item.children.length) this.#go(item.children[0]);
    else this.#zoom(2);
  }

  #leave() {
    const item = this.#toolbar.at ?? this.#known.get(this.#current);
    if (this.#whole(this.#size)) return false;
    this.#go(item?.parent ?? this.#world);
    return true;
  }

  #zoom(factor) {
    const at = { x: this.#size.w / 2, y: this.#size.h / 2 };
    this.#aim = null;
    this.#glideTo(zoomed(this.#view, factor, at, this.#limits), 160);
  }

  #pick(target) {
    const number = target.closest(".pd-number");
    if (number) return this.#why(number);
    const item = this.#item(target);
    if (item) this.#choose(item);
    return undefined;
  }

  #why(number) {
    say(this, "pel-why", { name: number.dataset.number });
  }

  #beside(number, down, right) {
    const [row, column] = number.dataset.at.split(",").map(Number);
    const place = number.closest(".pd-picture");
    const next = place.querySelector(`[data-at="${row + down},${column + right}"]`);
    next?.focus();
  }

  #choose(item) {
    this.#chosen = item.key;
    this.#current = item.key;
    const { tensor, node } = item;
    say(this, "pel-chosen", tensor ? { tensor, node: item.parent.node } : { node });
    this.#later();
  }

  #item(target) {
    return this.#known.get(target.closest("[data-key]")?.dataset.key);
  }

  #focused(target) {
    const { key } = target.closest("[data-key]")?.dataset ?? {};
    if (key && key !== this.#current) {
      this.#current = key;
      this.#later();
    }
  }

  #glideTo(view, time = GLIDE) {
    this.#stop();
    this.#stop = glide(this.#view, view, this.#size, time, (now) => {
      this.#view = now;
      this.#paint();
    });
  }

  #move(view) {
    this.#stop();
    this.#view = held(view, this.#world, this.#size);
    this.#later();
  }

  #byHand(view) {
    this.#aim = null;
    this.#move(view);
  }

  #themed() {
    this.#painter.pictures.clear();
    this.#later();
  }

  #later() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#world || !this.#view || !this.#size.w || this.hidden) return;
    const now = performance.now();
    if (this.#painter.count > HEAVY && now - this.#painted < PAUSE && this.#size === this.#sized) {
      // Of thousands of elements in motion only their layer is moved; they follow in time.
      this.#painter.shift(this.#drawn, this.#view);
      clearTimeout(this.#rest);
      this.#rest = setTimeout(() => this.#later(), PAUSE);
      return;
    }
    [this.#drawn, this.#sized] = [this.#view, this.#size];
    const items = scene(this.#world, this.#view, this.#size, this.#current);
    dim(items, this.#lit && this.#lit.map((one) => found(this.#known.values(), one)));
    this.#painter.draw(items, { current: this.#current, chosen: this.#chosen });
    this.#painted = performance.now();
    this.#toolbar.update(this.#world, this.#view, this.#size, this.#mode);
  }
}

define("pel-drawing", Drawing);
