// What one can point at, reach by keys and hear: a button over each box, tensor and number that the
// canvas shows. It follows when the drawing has come to rest.

import { active, set, svg } from "../../core/dom.js";
import { shapeText } from "../../core/numbers.js";

const FRAME = 5; // pixels around a tensor and its name

/** The buttons, in an SVG of their own. */
export class Overlay {
  #layer = svg("g");
  #made = new Map();

  constructor(label) {
    this.root = svg("svg", { class: "pd", role: "group", "aria-label": label }, this.#layer);
  }

  /** Have that size in pixels of the page; `w` and `h` are those of the drawing. */
  resize(width, height, { w, h }) {
    set(this.root, { viewBox: `0 0 ${w} ${h}`, width, height, "data-unit": width / w });
  }

  /** The element of an item or a number, where there is one. */
  element(key) {
    return this.#made.get(key) ?? null;
  }

  /** The first number of an item's pictures. */
  numberOf(key) {
    const place = [...this.#layer.querySelectorAll(".pd-number")];
    return place.find(({ dataset }) => dataset.picture.startsWith(`${key}#`)) ?? null;
  }

  /** Go to the number so many rows and columns from another in its table. */
  beside({ dataset: { at, picture } }, down, right) {
    const [row, column] = at.split(",").map(Number);
    const wanted = `[data-at="${row + down},${column + right}"]`;
    const all = [...this.#layer.querySelectorAll(wanted)];
    all.find(({ dataset }) => dataset.picture === picture)?.focus();
  }

  /** Have the buttons that were placed for one view stand where they are in another. */
  shift(from, to) {
    const k = to.k / from.k;
    const [x, y] = [(from.x - to.x) * to.k, (from.y - to.y) * to.k];
    this.#layer.setAttribute("transform", `matrix(${k} 0 0 ${k} ${x} ${y})`);
  }

  /** Have these and no others: `targets` and `numbers` of a frame. */
  place({ targets, numbers }, { current, chosen }) {
    this.#layer.removeAttribute("transform");
    const kept = new Map();
    for (const { item, at } of targets) {
      if (kept.has(item.key)) continue;
      const element = this.#made.get(item.key) ?? button(item);
      set(element, { "aria-label": labelOf(item), tabindex: item.key === current ? "0" : "-1" });
      element.classList.toggle("pd-chosen", item.key === chosen);
      element.classList.toggle("pd-dead", dead(item));
      rectangle(element.firstChild, item.tensor ? around(at) : at);
      kept.set(item.key, element);
    }
    for (const one of numbers) {
      const key = `${one.key} ${one.name}`;
      const element = this.#made.get(key) ?? number(one);
      set(element, { "aria-label": one.said });
      element.lastChild.textContent = one.said;
      rectangle(element.firstChild, one.at);
      kept.set(key, element);
    }
    this.#arranged([...kept.values()]);
    for (const [key, element] of this.#made) if (kept.get(key) !== element) element.remove();
    this.#made = kept;
  }

  // Elements are moved only where the order is another: a move would take the focus away.
  #arranged(wanted) {
    const focused = active();
    let before = null;
    for (const element of wanted) {
      const next = before ? before.nextSibling : this.#layer.firstChild;
      if (element !== next) {
        if (element === focused && element.parentNode === this.#layer) {
          while (element.previousSibling && element.previousSibling !== before) {
            element.after(element.previousSibling);
          }
        } else this.#layer.insertBefore(element, next);
      }
      before = element;
    }
  }
}

function button(item) {
  const kind = item.tensor ? "pd-tensor" : "pd-box";
  const made = svg("g", { class: `${kind} pd-${item.kind}`, role: "button" });
  made.dataset.key = item.key;
  made.append(svg("rect"));
  return made;
}

function number({ key, name, place, said }) {
  const made = svg("g", { class: "pd-number", role: "button", tabindex: "-1" });
  Object.assign(made.dataset, { at: place.join(","), number: name, picture: key });
  made.append(svg("rect"), svg("title", {}, said));
  return made;
}

function labelOf(item) {
  if (item.tensor) {
    const { name, shape, meaning, mark } = item.tensor;
    return [name, meaning, shapeText(shape) || "one number", mark].filter(Boolean).join(", ");
  }
  const { block = null, kind, title, mark = "", marks = 0 } = item.node;
  const parts = item.children.length;
  const where = block === null || kind === "block" ? "" : ` of block ${block}`;
  const count = parts ? `${parts} ${parts === 1 ? "part" : "parts"}` : "";
  const edited = !mark && marks ? `${marks} edited` : mark;
  return [`${title}${where}`, item.kind, count, edited].filter(Boolean).join(", ");
}

function dead(item) {
  for (let one = item; one; one = one.parent) if (one.node?.dead) return true;
  return false;
}

function around({ x, y, w, h }) {
  return { x: x - FRAME, y: y - FRAME, w: w + 2 * FRAME, h: h + 2 * FRAME };
}

function rectangle(element, { x, y, w, h }) {
  set(element, { x, y, width: Math.max(0, w), height: Math.max(0, h) });
}
