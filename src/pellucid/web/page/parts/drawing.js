// The whole way as one drawing: zoom from the model to a block, a head, a single number.

import { define, h, say, set, svg } from "../core/dom.js";
import { Part } from "../core/part.js";
import { around, boxOf, mostScale, targetAt, toNumbers } from "./drawing/aim.js";
import { dragged, fitting, held, zoomed } from "./drawing/camera.js";
import { Canvas } from "./drawing/canvas.js";
import { gestures } from "./drawing/gestures.js";
import { glide, swept } from "./drawing/glide.js";
import { indexed, keyed, siblingOf } from "./drawing/keys.js";
import { formOf, layout } from "./drawing/layout.js";
import { legend } from "./drawing/legend.js";
import { countOfNext, following } from "./drawing/next.js";
import { Overlay } from "./drawing/overlay.js";
import { Pictures } from "./drawing/pictures.js";
import { found, spotlight } from "./drawing/spotlight.js";
import { toolbar } from "./drawing/toolbar.js";
import { marked } from "./edits.js";
import { Tiles } from "./tiles.js";

const REST = 70; // milliseconds without a movement: then the buttons follow what is drawn
const LETTERS = 16; // pixels of the page's letters, as a rule
const TURNED = 0.06; // how much another size, as a logarithm, asks for another layout
const EXPORTED = { least: 1600, most: 6000 }; // pixels
const GLIDE = 420; // milliseconds from one box to the next
const SWEEP = 2000; // and of the light that goes through a new run
const HELP = "The model as one drawing. Enter goes into a box, Escape out of it, the arrow keys " +
  "to the boxes beside it, plus and minus zoom, 0 shows all.";

class Drawing extends Part {
  #canvas = null;
  #overlay = null;
  #toolbar = null;
  #legend = null;
  #follow = null; // the next tokens of the store
  #pictures = null;
  #cells = null;
  #world = null;
  #known = new Map();
  #view = null;
  #size = { w: 0, h: 0 };
  #laidFor = { w: 0, h: 0 };
  #mode = "forward";
  #current = "";
  #chosen = "";
  #limits = { least: 0.01, most: 100 };
  #frame = 0;
  #rest = 0;
  #stop = () => {}; // breaks a glide off
  #unsweep = () => {};
  #sweep = null; // how far the light has come
  #shape = "";
  #said = ""; // the text and the model that the light went through last
  #seen = null; // what was drawn last: its targets and numbers
  #placed = null; // the view that the buttons stand for
  #targets = null; // of the spotlight
  #lit = null;
  #aim = null; // the box that the view is fitted to, until it is moved by hand

  connectedCallback() {
    if (!this.#canvas) this.#build();
    super.connectedCallback();
  }

  listen(signal) {
    const themed = () => this.#themed();
    window.addEventListener("pel-theme", themed, { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themed, { signal });
    signal.addEventListener("abort", () => {
      this.#stop();
      this.#unsweep();
      clearTimeout(this.#rest);
    });
  }

  render() {
    const { outline, kind, text, subject } = this.store.run;
    this.hidden = kind === "lesson";
    if (this.hidden) return;
    this.#pictures.clear();
    this.#cells.clear();
    this.#follow(this.store);
    // The same way with other numbers, after a step or an edit: one goes on looking where one was.
    const shape = formOf(outline);
    const same = shape === this.#shape && this.#view;
    this.#shape = shape;
    this.#laid();
    if (!same) this.#home();
    const said = JSON.stringify([text, subject]);
    if (said !== this.#said) this.#swept();
    this.#said = said;
    this.#later();
  }

  /** Go to {node: id} or {tensor: name, lead}, or else to all; `quiet` does not choose it. With a
   * `mode` the drawing is turned to it, and with `parts` it comes as near as these together allow. */
  look(target) {
    if (target.mode && target.mode !== this.#mode) this.#turn(target.mode);
    if (target.parts?.length) return void this.#to(target);
    if (!target.node && !target.tensor) return void this.#home(true);
    const item = found(this.#known.values(), target);
    if (!item) return;
    this.#current = item.key;
    if (!target.quiet) this.#choose(item);
    this.#to(item);
  }

  /** Dim all but these: {node} or {tensor, lead, row, column}; null ends it. */
  spotlight(targets) {
    this.#targets = targets;
    this.#lit = spotlight(this.#known.values(), targets);
    this.#later();
  }

  /** All of it at about the scale at which it is looked at: {svg, width, height}, an element that
   * stands alone. What has not come yet is asked for, and left out. */
  get picture() {
    const { w, h: high } = this.#world;
    const wide = Math.max(EXPORTED.least, w * this.#view.k);
    const by = Math.min(wide / w, EXPORTED.most / Math.max(w, high));
    const size = { w: Math.ceil(w * by), h: Math.ceil(high * by) };
    const drawn = this.#canvas.asSvg(this.#world, fitting(this.#world, size), size, this.#state());
    return { svg: drawn, width: size.w, height: size.h };
  }

  /** The legend's element. */
  get legend() {
    return this.#legend.element;
  }

  #build() {
    const layer = svg("g");
    const buttons = svg("svg", { class: "pd", role: "group", "aria-label": HELP }, layer);
    const again = () => this.#later();
    this.#canvas = new Canvas(this);
    this.#overlay = new Overlay(layer);
    this.#follow = following(again);
    // Of the store that is there when something is asked, not of the one at the beginning.
    const [picture, tensor] = ["picture", "tensor"].map((name) => (fields) => this.store[name](fields));
    this.#pictures = new Pictures({ picture }, again, () => this.#canvas.colors);
    this.#cells = new Tiles({ tensor }, again);
    this.#toolbar = toolbar({
      mode: (mode) => this.#turn(mode),
      zoom: (factor) => this.#zoom(factor),
      fit: () => this.#home(true),
      go: (item) => this.#go(item),
    });
    this.#legend = legend();
    const place = h("div", { class: "pd-window" }, this.#canvas.element, buttons);
    this.append(this.#toolbar.element, place, this.#legend.element);
    new ResizeObserver(([{ contentRect }]) => this.#resized(contentRect, buttons)).observe(place);
    gestures(buttons, {
      // A notebook scrolls by the wheel, and goes on doing so over the drawing.
      wheels: (event) => event.ctrlKey || event.metaKey || !this.closest("pel-app")?.embedded,
      drag: (dx, dy) => this.#byHand(dragged(this.#view, dx, dy)),
      zoom: (factor, at) => this.#byHand(zoomed(this.#view, factor, at, this.#limits)),
      under: (at, element) => this.#under(at, element),
      pick: (target) => this.#pick(target),
    });
    buttons.addEventListener("keydown", (event) => keyed(event, this.#keys()));
    buttons.addEventListener("focusin", ({ target }) => this.#focused(target));
  }

  #keys() {
    return {
      enter: () => this.#enter(this.#known.get(this.#current)) || true,
      leave: () => this.#leave(),
      sibling: (step) => this.#go(siblingOf(this.#known.get(this.#current), step)) || true,
      zoom: (factor) => this.#zoom(factor) || true,
      fit: () => this.#home(true) || true,
      why: ({ dataset }) => say(this, "pel-why", { name: dataset.number }) || true,
      back: () => this.#go(this.#known.get(this.#current)) || true,
      number: (number, down, right) => this.#beside(number, down, right) || true,
    };
  }

  #laid() {
    const { outline, tokens, source_tokens: source = [] } = this.store.run;
    const pieces = (all) => all.map(({ piece }) => piece);
    // Where there are two streams, the first is that of the source.
    const first = source.length ? { [outline[0].stream]: pieces(source) } : {};
    this.#laidFor = this.#size;
    void this.#canvas.colors; // and the faces: titles are measured in them
    this.#world = layout(marked(outline, this.store.experiment), {
      mode: this.#mode,
      size: this.#size,
      streams: { "": pieces(tokens), ...first },
      next: countOfNext(this.store.run),
    });
    this.#known = indexed(this.#world);
    this.#lit = spotlight(this.#known.values(), this.#targets);
    if (!this.#known.has(this.#current)) this.#current = this.#world.children[0]?.key ?? "";
    const least = fitting(this.#world, this.#size.w ? this.#size : { w: 800, h: 500 }).k * 0.6;
    this.#limits = { least, most: mostScale(this.#world) };
  }

  #resized({ width, height }, buttons) {
    if (!this.isConnected) return; // what was taken away is told once more
    // All is drawn larger where the page's letters are, as in a talk.
    const unit = Math.max(1, parseFloat(getComputedStyle(this).fontSize) / LETTERS);
    this.#size = { w: width / unit, h: height / unit };
    const viewBox = `0 0 ${this.#size.w} ${this.#size.h}`;
    set(buttons, { viewBox, width, height, "data-unit": unit });
    this.#canvas.resize(width, height, unit);
    if (!this.store?.run || !this.#world || !width || !height) return;
    const aim = this.#aim?.key;
    // At once: what is about to be clicked must not be on its way.
    const item = this.#aim?.parts ? this.#aim : aim && aim !== "model" && this.#known.get(aim);
    if (item) this.#move(fitting(this.#boxOf(item), this.#size, this.#limits.most));
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
    this.#laid();
    if (whole) this.#home();
    else this.#move(fitting(this.#known.get(item.key) ?? this.#world, this.#size));
  }

  #home(slowly = false) {
    if (!this.#size.w) return;
    const [before, now] = [this.#laidFor, this.#size];
    const turned = !before.w || Math.max(Math.abs(Math.log(now.w / before.w)),
      Math.abs(Math.log(now.h / before.h))) > TURNED;
    // All of it is shown in lines that fit the window; what is seen from near stays where it is.
    if (turned) this.#laid();
    this.#aim = this.#world;
    const view = fitting(this.#world, this.#size);
    if (slowly) this.#glideTo(view);
    else this.#move(view);
  }

  #go(item) {
    if (!item || item === this.#world) return void this.#home(true);
    this.#current = item.key;
    this.#to(item);
    this.#paint();
    this.#place();
    this.#overlay.element(item.key)?.focus({ preventScroll: true });
  }

  #to(item) {
    this.#aim = item;
    if (this.#size.w) this.#glideTo(fitting(this.#boxOf(item), this.#size, this.#limits.most));
  }

  #boxOf(item) {
    if (!item.parts) return boxOf(item);
    const items = item.parts.map((part) => found(this.#known.values(), part)).filter(Boolean);
    return items.length ? around(items) : this.#world;
  }

  #there(item) {
    const { x, y, k } = fitting(boxOf(item), this.#size, this.#limits.most);
    const [dx, dy] = [(x - this.#view.x) * k, (y - this.#view.y) * k];
    return Math.abs(k / this.#view.k - 1) < 0.02 && Math.hypot(dx, dy) < 12;
  }

  #enter(item) {
    if (!item) return;
    this.#choose(item);
    if (this.#aim !== item) return void this.#go(item);
    const numbers = this.#overlay.numberOf(item.key);
    if (numbers) numbers.focus();
    else if (item.children.length) this.#go(item.children[0]);
    else this.#deeper(item);
  }

  // From a tensor as a whole to its numbers, about a point of the window.
  #deeper(item, at = { x: this.#size.w / 2, y: this.#size.h / 2 }) {
    const whole = fitting(boxOf(item), this.#size, this.#limits.most);
    const factor = item.tensor ? toNumbers(item, whole) : 2;
    this.#glideTo(zoomed(whole, factor, at, this.#limits));
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

  // What is under a point of the window, as it is drawn there now; or what an element stands for.
  #under(at, element) {
    if (!at || !this.#seen) {
      const { key, number } = element.closest("[data-key], [data-number]")?.dataset ?? {};
      return number ? { number: { name: number } } : { item: this.#known.get(key) };
    }
    return { at, ...targetAt(this.#seen, at) };
  }

  #pick({ number, item, at }) {
    if (number) return void say(this, "pel-why", { name: number.name });
    if (!item) return void this.#leave();
    if (item.kind !== "next") this.#choose(item);
    if (!this.#there(item)) this.#to(item);
    else if (item.tensor) this.#deeper(item, at);
  }

  #beside(number, down, right) {
    const [row, column] = number.dataset.at.split(",").map(Number);
    const { picture } = number.dataset;
    const wanted = `[data-at="${row + down},${column + right}"]`;
    const all = [...number.parentNode.querySelectorAll(wanted)];
    all.find(({ dataset }) => dataset.picture === picture)?.focus();
  }

  #choose(item) {
    this.#chosen = item.key;
    this.#current = item.key;
    const { tensor, node } = item;
    say(this, "pel-chosen", tensor ? { tensor, node: item.parent.node } : { node });
    this.#later();
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

  #swept() {
    this.#unsweep();
    this.#unsweep = swept(SWEEP, (part) => {
      this.#sweep = part;
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
    this.#canvas.themed();
    this.#pictures.fade();
    this.#later();
  }

  #later() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #state() {
    return {
      pictures: this.#pictures, cells: this.#cells, next: this.store.next, mode: this.#mode,
      lit: this.#lit, sweep: this.#sweep, current: this.#current,
      home: fitting(this.#world, this.#size).k,
    };
  }

  #paint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#world || !this.#view || !this.#size.w || this.hidden) return;
    this.#seen = this.#canvas.draw(this.#world, this.#view, this.#size, this.#state());
    if (this.#placed) this.#overlay.shift(this.#placed, this.#view);
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#place(), REST);
    this.#toolbar.update(this.#world, this.#view, this.#size, this.#mode);
    this.#legend.update(this.#mode);
  }

  #place() {
    clearTimeout(this.#rest);
    if (!this.#seen) return;
    this.#placed = this.#view;
    this.#overlay.place(this.#seen, { current: this.#current, chosen: this.#chosen });
  }
}

define("pel-drawing", Drawing);
