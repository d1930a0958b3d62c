// Puts a scene's items into the SVG: an element an item, kept from frame to frame by its key.

import { active, clear, set, svg } from "../../core/dom.js";
import { shapeText } from "../../core/numbers.js";
import { numbers } from "./cells.js";

/** Draws scenes into a layer; `pictures` gives the images, `cells` the numbers. */
export class Painter {
  #layer;
  #made = new Map();

  constructor(layer, pictures, cells) {
    this.#layer = layer;
    this.pictures = pictures;
    this.cells = cells;
  }

  /** How many items are drawn. */
  get count() {
    return this.#made.size;
  }

  /** Move what is drawn for one view to where it stands in another, as it is. */
  shift(from, to) {
    const k = to.k / from.k;
    const [x, y] = [(from.x - to.x) * to.k, (from.y - to.y) * to.k];
    this.#layer.setAttribute("transform", `matrix(${k} 0 0 ${k} ${x} ${y})`);
  }

  /** Take all away, as for a new run. */
  clear() {
    this.#made.clear();
    clear(this.#layer);
  }

  /** The element of an item, where it is drawn. */
  element(key) {
    const made = this.#made.get(key);
    return made?.querySelector(":scope > [role=button]") ?? made ?? null;
  }

  /** Draw these items, and no others; `state` is {current, chosen}. */
  draw(items, state) {
    this.#layer.removeAttribute("transform");
    const kept = new Map();
    let before = null;
    for (const item of items) {
      const key = `${item.type === "numbers" ? "picture" : item.type}:${item.key}`;
      const own = item.type === "box" || item.type === "tensor" ? item.key : key;
      const element = this.#made.get(own) ?? PAINTERS[item.type].make(item);
      kept.set(own, element);
      PAINTERS[item.type].update(element, item, this, state);
      element.classList.toggle("pd-dead", Boolean(item.dead));
      element.classList.toggle("pd-dim", Boolean(item.dim));
      // Elements are moved only where the order is another: a move would take the focus away.
      const next = before ? before.nextSibling : this.#layer.firstChild;
      if (element !== next) this.#place(element, next);
      before = element;
    }
    for (const [key, element] of this.#made) if (kept.get(key) !== element) element.remove();
    this.#made = kept;
  }

  #place(element, next) {
    if (element.contains(active()) && element.parentNode === this.#layer) {
      // Rather bring what stands between behind it than move what has the focus.
      while (element.previousSibling && element.previousSibling !== next?.previousSibling) {
        element.after(element.previousSibling);
      }
    } else this.#layer.insertBefore(element, next);
  }
}

const path = (made) => ({ make: () => svg("path", { class: `pd-${made}` }), update: lined });

const PAINTERS = {
  spine: path("spine"),
  arrow: { make: () => svg("path", { class: "pd-arrow" }), update: arrowed },
  plus: { make: plus, update: plused },
  box: { make: box, update: boxed },
  tensor: { make: tensor, update: tensored },
  picture: { make: picture, update: pictured },
  numbers: { make: picture, update: pictured },
};

function box({ item }) {
  const parts = item.children.length;
  const { block = null, kind, title = item.title, mark = "" } = item.node ?? {};
  const where = block === null || kind === "block" ? "" : ` of block ${block}`;
  const count = `${parts} ${parts === 1 ? "part" : "parts"}`;
  const label = [`${title}${where}`, item.kind, count, mark].filter(Boolean).join(", ");
  const button = svg("g", { class: `pd-box pd-${item.kind}`, role: "button" });
  button.setAttribute("aria-label", label);
  button.dataset.key = item.key;
  button.append(svg("rect", { rx: 4 }));
  return svg("g", {}, button, svg("text", { class: "pd-title", "aria-hidden": "true" }));
}

function boxed(element, { item, at, words }, _, { current, chosen }) {
  const [button, text] = element.children;
  const rect = button.firstChild;
  rectangle(rect, at);
  rect.setAttribute("rx", Math.min(5, at.w * 0.04));
  text.textContent = words ? cut(item.title, words.room / words.px / 0.56) : "";
  if (words) set(text, { x: words.x, y: words.y, "font-size": words.px });
  marked(button, item, current, chosen);
}

function tensor({ item }) {
  const { name, shape, meaning } = item.tensor;
  const label = [name, meaning, shapeText(shape) || "one number"].filter(Boolean).join(", ");
  const button = svg("g", { class: "pd-tensor", role: "button", "aria-label": label });
  button.dataset.key = item.key;
  button.append(svg("rect"), svg("title", {}, label));
  const words = svg("text", { class: "pd-name", "aria-hidden": "true" });
  words.append(svg("tspan"), svg("tspan", { class: "pd-shape" }));
  return svg("g", {}, button, words);
}

function tensored(element, { item, at, words }, _, { current, chosen }) {
  const [button, text] = element.children;
  rectangle(button.firstChild, { x: at.x - 2, y: at.y - 2, w: at.w + 4, h: at.h + 4 });
  const [name, shape] = text.children;
  name.textContent = words ? cut(item.title, words.room / words.px / 0.61) : "";
  shape.textContent = words?.shape ? `  ${words.shape}` : "";
  if (words) set(text, { x: words.x, y: words.y, "font-size": words.px });
  marked(button, item, current, chosen);
}

function picture() {
  return svg("g", { class: "pd-picture" }, svg("rect"), svg("g"));
}

function pictured(element, item, painter) {
  const [rect, place] = element.children;
  rectangle(rect, item.at);
  element.classList.toggle("pd-missing", Boolean(item.picture.missing));
  if (item.picture.missing) return void clear(place);
  if (item.type === "numbers") return void numbers(place, item, painter.cells);
  const { pictures } = painter;
  const { w, h } = item.at;
  const url = pictures.get(item.picture, w, h);
  let image = place.firstChild;
  if (image?.localName !== "image") {
    image = svg("image", { preserveAspectRatio: "none", "aria-hidden": "true" });
    clear(place).append(image);
  }
  if (url && image.getAttribute("href") !== url) image.setAttribute("href", url);
  rectangle(image, item.at);
}

function plus() {
  return svg("g", { class: "pd-plus" }, svg("circle"), svg("path"));
}

function plused(element, { points: [[x, y]], k }) {
  const r = Math.max(2, Math.min(11, 7 * k));
  set(element.firstChild, { cx: x, cy: y, r });
  const arm = r * 0.55;
  element.lastChild.setAttribute("d", `M${x - arm} ${y}h${2 * arm}M${x} ${y - arm}v${2 * arm}`);
}

function lined(element, { points, k, size }) {
  // Points far outside the window are brought near: paths of millions of pixels are drawn badly.
  const near = points.map(([x, y]) => [clipped(x, size.w), clipped(y, size.h)]);
  element.setAttribute("d", `M${near.map((point) => point.join(" ")).join("L")}`);
  element.style.setProperty("stroke-width", `${Math.max(1.2, Math.min(7, 5 * k))}px`);
}

function arrowed(element, { points: [[x, y], [to, end]], k, size }) {
  const tip = Math.min(6, 6 * k);
  const [dx, dy] = [Math.sign(to - x), Math.sign(end - y)];
  const head = dx
    ? `M${to - dx * tip} ${end - tip / 1.6}L${to} ${end}L${to - dx * tip} ${end + tip / 1.6}`
    : `M${to - tip / 1.6} ${end - dy * tip}L${to} ${end}L${to + tip / 1.6} ${end - dy * tip}`;
  const from = `${clipped(x, size.w)} ${clipped(y, size.h)}`;
  element.setAttribute("d", `M${from}L${clipped(to, size.w)} ${clipped(end, size.h)}${head}`);
}

function marked(element, item, current, chosen) {
  element.setAttribute("tabindex", item.key === current ? "0" : "-1");
  element.classList.toggle("pd-chosen", item.key === chosen);
}

function rectangle(element, { x, y, w, h }) {
  set(element, { x, y, width: Math.max(0, w), height: Math.max(0, h) });
}

function cut(text, letters) {
  return text.length <= letters ? text : letters < 4 ? "" : `${text.slice(0, letters - 1)}…`;
}

function clipped(value, size) {
  return Math.max(-size, Math.min(2 * size, value));
}
