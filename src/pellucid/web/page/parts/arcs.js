// Attention as arcs: on the left each token that looks, on the right those it looks at.

import { define, fill, h, set, svg } from "../core/dom.js";
import { numberName, written } from "../core/numbers.js";
import { Part } from "../core/part.js";
import { number } from "./number.js";

const ROW = 26;
const WORDS = 260; // pixels that the words on both sides take
const AT_ONCE = 4096;
const FAINT = 0.015; // a thinner arc is not seen

/** `.tensor` is a TENSOR of attention weights, (heads, tokens, tokens). */
class Arcs extends Part {
  #tensor = null;
  #head = 0;
  #token = null;
  #data = null;

  get tensor() {
    return this.#tensor;
  }

  set tensor(tensor) {
    this.#tensor = tensor;
    this.#head = tensor.lead?.[0] ?? 0;
    this.#load();
  }

  render() {
    this.#load();
  }

  async #load() {
    if (!this.#tensor || !this.store?.run || !this.isConnected) return;
    try {
      this.#data = await weights(this.store, this.#tensor, this.#head);
      this.#draw();
    } catch {
      // The store has said it.
    }
  }

  #draw() {
    const { rows, columns, values } = this.#data;
    this.#token = this.#token === null || this.#token >= rows.length ? null : this.#token;
    const width = Math.round(Math.min(460, Math.max(90, this.clientWidth - WORDS)));
    const height = Math.max(rows.length, columns.length) * ROW + 8;
    const place = svg("svg", { class: "pa", width, height });
    set(place, { role: "img", "aria-label": `attention of head ${this.#head} as arcs` });
    values.forEach((row, from) => row.forEach((weight, to) => {
      if (Number(weight) > FAINT) place.append(arc(from, to, Number(weight), width));
    }));
    const left = rows.map((text, at) => this.#looking(text, at));
    const list = h("ol", { class: "pa-left", "aria-label": "token that looks" }, left);
    const right = h("ol", { class: "pa-right", "aria-label": "token looked at" });
    this.shown = { place, right, columns, left };
    const picture = h("div", { class: "pa-picture" }, list, place, right);
    fill(this, this.#heads(), picture);
    this.#point(this.#token);
  }

  #heads() {
    const count = this.#tensor.shape[0];
    const turn = (head) => {
      this.#head = head;
      this.#load();
    };
    const made = Array.from({ length: count }, (_, head) =>
      set(h("button", { onclick: () => turn(head) }, head), {
        "aria-pressed": String(head === this.#head),
      }));
    const group = h("div", { class: "segments pa-heads", role: "group" }, made);
    group.setAttribute("aria-label", "head");
    return h("p", { class: "pa-pick" }, h("span", { class: "muted" }, "head "), group);
  }

  #looking(text, at) {
    const button = h("button", { class: "quiet pa-token" }, spelt(text));
    button.addEventListener("pointerenter", () => this.#point(at));
    button.addEventListener("focus", () => this.#point(at));
    button.addEventListener("click", () => this.#point(at));
    return h("li", {}, button);
  }

  // The arcs of one token stand out, and their weights are written beside what it looks at.
  #point(token) {
    this.#token = token;
    const { place, right, columns, left } = this.shown;
    for (const one of place.children) {
      one.classList.toggle("pa-off", token !== null && one.dataset.from !== String(token));
    }
    left.forEach((one, at) => one.firstChild.classList.toggle("pa-on", at === token));
    fill(right, columns.map((text, at) => h("li", {}, spelt(text), " ", this.#weight(token, at))));
  }

  #weight(token, at) {
    if (token === null) return null;
    const name = numberName(this.#tensor.name, [this.#head, token, at]);
    const { values, texts } = this.#data;
    return number(name, values[token][at], written(texts[token][at]), "pa-weight");
  }
}

function arc(from, to, weight, width) {
  const [y, end] = [from * ROW + ROW / 2, to * ROW + ROW / 2];
  const [x, right] = [4, width - 4];
  const bend = (right - x) * 0.45;
  const d = `M${x} ${y}C${x + bend} ${y} ${right - bend} ${end} ${right} ${end}`;
  const made = svg("path", { d, class: "pa-arc" });
  made.dataset.from = from;
  made.style.setProperty("stroke-width", `${0.8 + weight * 5}px`);
  made.style.setProperty("stroke-opacity", String(0.12 + 0.88 * weight));
  return made;
}

async function weights(store, { name, shape }, head) {
  const [, count, width] = shape;
  const step = Math.max(1, Math.floor(AT_ONCE / width));
  const starts = Array.from({ length: Math.ceil(count / step) }, (_, at) => at * step);
  const parts = await Promise.all(starts.map((row) => store.tensor({
    name,
    lead: [head],
    rows: [row, Math.min(count, row + step)],
    columns: [0, width],
  })));
  const numbered = (size) => Array.from({ length: size }, (_, at) => String(at));
  return {
    values: parts.flatMap((part) => part.values),
    texts: parts.flatMap((part) => part.texts),
    rows: parts[0].labels.rows ? parts.flatMap((part) => part.labels.rows) : numbered(count),
    columns: parts[0].labels.columns ?? numbered(width),
  };
}

function spelt(text) {
  return h("span", { class: "pa-piece" }, text);
}

define("pel-arcs", Arcs);
