// The whole way as one drawing: zoom from the model to a block, a head, a single number.

import { define, say } from "../core/dom.js";
import { Part } from "../core/part.js";
import { gestures } from "./drawing/gestures.js";
import { indexed, keyed, siblingOf } from "./drawing/keys.js";
import { formOf, layout, outgrown } from "./drawing/layout.js";
import { legend } from "./drawing/legend.js";
import { countOfNext, following } from "./drawing/next.js";
import { Pictures } from "./drawing/pictures.js";
import { Sight } from "./drawing/sight.js";
import { found, spotlight } from "./drawing/spotlight.js";
import { Surface } from "./drawing/surface.js";
import { toolbar } from "./drawing/toolbar.js";
import { marked } from "./edits.js";
import { Tiles } from "./tiles.js";

class Drawing extends Part {
  #surface = null;
  #toolbar = null;
  #legend = null;
  #follow = null; // the next tokens of the store
  #pictures = null;
  #cells = null;
  #world = null;
  #known = new Map();
  #sight = new Sight(() => this.#surface.paint(), () => this.#surface.later());
  #size = { w: 0, h: 0 };
  #laidFor = { w: 0, h: 0 };
  #mode = "forward";
  #current = "";
  #chosen = "";
  #shape = "";
  #featured = null; // the block that stands for all of a deep model
  #run = null; // that it is laid out for
  #said = ""; // the text and the model that the light went through last
  #targets = null; // of the spotlight
  #lit = null;

  connectedCallback() {
    if (!this.#surface) this.#build();
    super.connectedCallback();
  }

  listen(signal) {
    const themed = () => this.#themed();
    window.addEventListener("pel-theme", themed, { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themed, { signal });
    signal.addEventListener("abort", () => {
      this.#still();
      this.#follow(null);
    });
  }

  render() {
    const { outline, kind, text, subject, featured = null } = this.store.run;
    this.hidden = kind === "lesson";
    if (this.hidden) return;
    this.#pictures.clear();
    this.#cells.clear();
    this.#follow(this.store);
    this.#legend.show(outline);
    // The same way with other numbers, after a step or an edit: one goes on looking where one was.
    const said = JSON.stringify([text, subject]);
    if (said !== this.#said) this.#featured = featured;
    const shape = `${formOf(outline)} ${this.#featured}`;
    const same = shape === this.#shape && this.#sight.view;
    this.#shape = shape;
    this.#laid();
    if (!same || this.#sight.aim === this.#world) this.#home();
    if (said !== this.#said && this.checkVisibility()) this.#surface.sweep();
    this.#said = said;
    this.#surface.later();
  }

  /** Go to {node: id} or {tensor: name, lead}, or else to all; `quiet` does not choose it. With a
   * `mode` the drawing is turned to it, and with `parts` it comes as near as these together allow. */
  look(target) {
    if (target.mode && target.mode !== this.#mode) this.#turn(target.mode);
    if (target.parts?.length) return void this.#together(target.parts);
    if (!target.node && !target.tensor) return void this.#home(true);
    const item = found(this.#known.values(), target);
    if (!item) return;
    this.#current = item.key;
    if (!target.quiet) this.#choose(item);
    this.#sight.at(item);
  }

  #together(parts) {
    const items = parts.map((part) => found(this.#known.values(), part)).filter(Boolean);
    this.#sight.at(items.length ? { around: items } : this.#world);
  }

  /** Dim all but these: {node} or {tensor, lead, row, column}; null ends it. */
  spotlight(targets) {
    this.#targets = targets;
    this.#lit = spotlight(this.#known.values(), targets);
    this.#surface.later();
  }

  /** All of it at about the scale at which it is looked at: {svg, width, height}, an element that
   * stands alone. What has not come yet is asked for, and left out. */
  get picture() {
    return this.#surface.whole(this.#world, this.#sight.view.k, this.#state());
  }

  /** Its tools' element, which may stand elsewhere. */
  get tools() {
    return this.#toolbar.element;
  }

  /** The legend's element. */
  get legend() {
    return this.#legend.element;
  }

  #build() {
    const again = () => this.#surface.later();
    this.#surface = new Surface(this, () => this.#look(), (view) => {
      this.#toolbar.update(this.#world, view, this.#size, this.#mode);
      this.#legend.update(this.#mode);
    });
    const buttons = this.#surface.buttons.root;
    this.#follow = following(again);
    // Of the store that is there when something is asked, not of the one at the beginning.
    // What is in sight of a run before may have tensors that this one has not.
    const [picture, tensor] = ["picture", "tensor"].map((name) => async (fields) => {
      if (this.#run !== this.store.run) throw new DOMException("another run", "AbortError");
      return this.store[name](fields);
    });
    this.#pictures = new Pictures({ picture }, again, () => this.#surface.colors);
    this.#cells = new Tiles({ tensor }, again);
    this.#toolbar = toolbar({
      mode: (mode) => this.#turn(mode),
      zoom: (factor) => this.#sight.nearer(factor),
      fit: () => this.#home(true),
      go: (item) => this.#go(item),
    });
    this.#legend = legend();
    const { element: tools, place: path } = this.#toolbar;
    const place = this.#surface.element;
    place.append(path);
    this.append(tools, place, this.#legend.element);
    new ResizeObserver(([{ contentRect }]) => this.#resized(contentRect)).observe(place);
    gestures(buttons, {
      // A notebook scrolls by the wheel, and goes on doing so over the drawing.
      wheels: (event) => event.ctrlKey || event.metaKey || !this.closest("pel-app")?.embedded,
      drag: (dx, dy) => this.#sight.drag(dx, dy),
      zoom: (factor, at) => this.#sight.zoom(factor, at),
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
      zoom: (factor) => this.#sight.nearer(factor) || true,
      fit: () => this.#home(true) || true,
      why: ({ dataset }) => say(this, "pel-why", { name: dataset.number }) || true,
      back: () => this.#go(this.#known.get(this.#current)) || true,
      number: (number, down, right) => this.#surface.buttons.beside(number, down, right) || true,
    };
  }

  #laid() {
    const { outline, tokens, source_tokens: source = [] } = this.store.run;
    const pieces = (all) => all.map(({ piece }) => piece);
    // Where there are two streams, the first is that of the source.
    const first = source.length ? { [outline[0].stream]: pieces(source) } : {};
    [this.#run, this.#laidFor] = [this.store.run, this.#size];
    void this.#surface.colors; // and the faces: titles are measured in them
    this.#world = layout(marked(outline, this.store.experiment), {
      mode: this.#mode,
      size: this.#size,
      streams: { "": pieces(tokens), ...first },
      next: countOfNext(this.store.run),
      featured: this.#featured,
    });
    this.#known = indexed(this.#world);
    this.#lit = spotlight(this.#known.values(), this.#targets);
    if (!this.#known.has(this.#current)) this.#current = this.#world.children[0]?.key ?? "";
    this.#sight.over(this.#world, this.#size, this.#known);
  }

  #resized({ width, height }) {
    if (!this.isConnected) return; // what was taken away is told once more
    this.#size = this.#surface.resize(width, height);
    if (!width || !height) return void this.#still();
    if (!this.store?.run || !this.#world) return;
    const { aim } = this.#sight;
    if (!this.#sight.view || aim === this.#world) return void this.#home();
    this.#sight.over(this.#world, this.#size, this.#known);
    // At once: what is about to be clicked must not be on its way.
    if (aim) this.#sight.at(aim, false);
    else this.#sight.stay();
  }

  #turn(mode) {
    const { whole } = this.#sight;
    const { key } = this.#toolbar.at ?? this.#world;
    this.#mode = mode;
    this.#laid();
    this.#sight.at((!whole && this.#known.get(key)) || this.#world, false);
  }

  #home(slowly = false) {
    if (!this.#size.w) return;
    // All of it is shown in lines that fit the window; what is seen from near stays where it is.
    if (outgrown(this.#laidFor, this.#size)) this.#laid();
    else this.#sight.over(this.#world, this.#size, this.#known);
    this.#sight.all(slowly);
  }

  #go(item) {
    if (!item || item === this.#world) return void this.#home(true);
    this.#current = item.key;
    this.#sight.at(item);
    this.#surface.paint();
    this.#surface.place();
    this.#surface.buttons.element(item.key)?.focus({ preventScroll: true });
  }

  #enter(item) {
    if (!item) return;
    this.#choose(item);
    if (this.#sight.aim !== item) return void this.#go(item);
    const numbers = this.#surface.buttons.numberOf(item.key);
    if (numbers) numbers.focus();
    else if (item.children.length) this.#go(item.children[0]);
    else this.#sight.into(item);
  }

  #leave() {
    const item = this.#toolbar.at ?? this.#known.get(this.#current);
    if (this.#sight.whole) return false;
    this.#go(item?.parent ?? this.#world);
    return true;
  }

  // What is under a point of the window, or what an element stands for.
  #under(at, element) {
    const there = at && this.#surface.under(at);
    if (there) return { at, ...there };
    const { key, number } = element.closest("[data-key], [data-number]")?.dataset ?? {};
    return number ? { number: { name: number } } : { item: this.#known.get(key) };
  }

  #pick({ number, item, at }) {
    if (number) return void say(this, "pel-why", { name: number.name });
    if (!item) return void this.#leave();
    if (item.kind !== "next") this.#choose(item);
    if (!this.#sight.on(item)) this.#sight.at(item);
    else if (item.tensor || !this.#surface.parted(item)) this.#sight.into(item, at);
  }

  #choose(item) {
    this.#chosen = item.key;
    this.#current = item.key;
    const { tensor, node } = item;
    say(this, "pel-chosen", tensor ? { tensor, node: item.parent.node } : { node });
    this.#surface.later();
  }

  #focused(target) {
    const { key } = target.closest("[data-key]")?.dataset ?? {};
    if (key && key !== this.#current) {
      this.#current = key;
      this.#surface.later();
    }
  }

  #themed() {
    this.#surface.themed();
    this.#pictures.fade();
    this.#surface.later();
  }

  // Hidden, or taken away: nothing goes on moving.
  #still() {
    this.#sight.stop();
    this.#surface.stop();
  }

  #state() {
    return {
      pictures: this.#pictures, cells: this.#cells, next: this.store.next, mode: this.#mode,
      lit: this.#lit, current: this.#current, home: this.#sight.home,
    };
  }

  // What the surface shows now.
  #look() {
    const { view } = this.#sight;
    if (!this.#world || !view || !this.#size.w || this.hidden) return null;
    const state = this.#state();
    return { world: this.#world, view, size: this.#size, state, chosen: this.#chosen };
  }
}

define("pel-drawing", Drawing);
