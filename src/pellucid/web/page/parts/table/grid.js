// A grid of any size: rows and cells in view are there, and one that has the focus; no others.

import { clear, h, set } from "../../core/dom.js";
import { moveOf } from "./moves.js";

const ROW = 26;
const AHEAD = 6; // rows and columns beyond what is in view
const MOST = 320; // pixels of a name; a longer one is whole in its title
const pen = document.createElement("canvas").getContext("2d");

/**
 * `of` has cell(row, column) -> {text, ground, name, said} or null, label(axis, at), and is told
 * pick(row, column), edit(row, column) and point(row, column).
 */
export class Grid {
  #of;
  #size = { rows: 0, columns: 0 };
  #width = 62;
  #names = 40;
  #active = { row: 0, column: 0 };
  #rows = new Map();
  #frame = 0;

  constructor(of) {
    this.#of = of;
    this.space = h("div", { class: "pt-space", role: "presentation" });
    this.heads = h("div", { class: "pt-row pt-heads", role: "none" });
    this.element = h("div", { class: "pt-grid", role: "grid", "aria-busy": "true" });
    this.element.append(this.heads, this.space);
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("click", ({ target }) => this.#at(target, of.pick));
    this.element.addEventListener("dblclick", ({ target }) => this.#at(target, of.edit));
    this.element.addEventListener("pointerover", ({ target }) => this.#at(target, of.point));
    this.element.addEventListener("focusin", ({ target }) => this.#focused(target));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Show a table of that size from its beginning; the same size stays where it is. */
  show({ rows, columns, label }) {
    const same = rows === this.#size.rows && columns === this.#size.columns;
    this.#size = { rows, columns };
    const sizes = { "aria-rowcount": rows + 1, "aria-colcount": columns + 1, "aria-label": label };
    set(this.element, sizes);
    this.#empty();
    if (!same) {
      this.#active = { row: 0, column: 0 };
      this.element.scrollTo(0, 0);
    }
    this.#spread();
  }

  /** How far it is scrolled: {row, column}, whole and part. */
  get scrolled() {
    const { scrollTop, scrollLeft } = this.element;
    return { row: scrollTop / ROW, column: scrollLeft / this.#width };
  }

  set scrolled({ row, column }) {
    this.element.scrollTo({ top: row * ROW, left: column * this.#width, behavior: "instant" });
  }

  /** How many pixels a text takes here. */
  widthOf(text) {
    const { fontWeight, fontSize, fontFamily } = getComputedStyle(this.element);
    pen.font = `${fontWeight} ${fontSize} ${fontFamily}`;
    return pen.measureText(text).width;
  }

  /** How many letters a number takes, and how many pixels the names of rows and columns do. */
  measure(letters, { rows, columns }) {
    const names = Math.min(columns, MOST) + 20;
    const width = Math.ceil(Math.max(40, letters * this.#letter() + 18, names));
    const before = Math.ceil(Math.max(26, Math.min(rows, MOST) + 14));
    if (width !== this.#width || before !== this.#names) {
      [this.#width, this.#names] = [width, before];
      this.#empty();
      this.#spread();
    }
    this.draw();
  }

  /** Draw what is in view, in the next frame. */
  draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  // How wide a letter is here: as wide as a digit.
  #letter() {
    const probe = h("span", { class: "pt-probe", "aria-hidden": "true" }, "0000000000");
    this.element.append(probe);
    const { width } = probe.getBoundingClientRect();
    probe.remove();
    return width / 10 || 8;
  }

  #spread() {
    const { rows, columns } = this.#size;
    this.element.style.setProperty("--names", `${this.#names}px`);
    this.element.style.setProperty("--cell", `${this.#width}px`);
    const [width, height] = [this.#names + columns * this.#width, rows * ROW];
    for (const one of [this.space, this.heads]) one.style.setProperty("width", `${width}px`);
    this.space.style.setProperty("height", `${height}px`);
    this.draw();
  }

  #empty() {
    this.#rows.clear();
    clear(this.space);
    // A grid without rows, and a row without cells, are none yet.
    set(clear(this.heads), { role: "none", "aria-rowindex": null });
    set(this.element, { "aria-busy": "true" });
  }

  #draw() {
    if (!this.element.clientWidth) return;
    const { scrollTop, scrollLeft, clientHeight, clientWidth } = this.element;
    const { row, column } = this.#active;
    const rows = inView(scrollTop, clientHeight, ROW, this.#size.rows, row);
    const columns = inView(scrollLeft, clientWidth, this.#width, this.#size.columns, column);
    this.#heading(columns);
    const wanted = new Set(rows);
    for (const [at, one] of this.#rows) {
      if (!wanted.has(at)) {
        one.element.remove();
        this.#rows.delete(at);
      }
    }
    for (const at of rows) this.#row(at, columns);
  }

  #heading(columns) {
    const made = new Map([...this.heads.children].map((one) => [one.dataset.at, one]));
    const kept = columns.map((at) => {
      const text = this.#of.label("columns", at);
      const known = made.get(String(at));
      if (known?.textContent === text) return known;
      const one = h("div", { role: "columnheader", "aria-colindex": at + 2, title: text }, text);
      one.dataset.at = at;
      one.style.setProperty("left", `${this.#names + at * this.#width}px`);
      return one;
    });
    const corner = made.get("corner") ?? cornered();
    this.heads.replaceChildren(corner, ...kept);
    set(this.heads, { role: "row", "aria-rowindex": 1 });
    set(this.element, { "aria-busy": null });
  }

  #row(at, columns) {
    let row = this.#rows.get(at);
    if (!row) {
      const name = h("div", { role: "rowheader", "aria-colindex": 1 });
      const element = h("div", { class: "pt-row", role: "row", "aria-rowindex": at + 2 }, name);
      element.style.setProperty("top", `${at * ROW}px`);
      row = { element, name, cells: new Map() };
      this.#rows.set(at, row);
      this.space.append(element);
    }
    const text = this.#of.label("rows", at);
    if (row.name.textContent !== text) set(row.name, { title: text }).textContent = text;
    const wanted = new Set(columns);
    for (const [place, cell] of row.cells) {
      if (!wanted.has(place)) {
        cell.remove();
        row.cells.delete(place);
      }
    }
    for (const place of columns) this.#cell(row, at, place);
  }

  #cell(row, at, place) {
    let cell = row.cells.get(place);
    if (!cell) {
      cell = h("div", { role: "gridcell", class: "pt-cell", "aria-colindex": place + 2 });
      cell.style.setProperty("left", `${this.#names + place * this.#width}px`);
      cell.dataset.at = `${at},${place}`;
      row.cells.set(place, cell);
      row.element.append(cell);
    }
    const active = at === this.#active.row && place === this.#active.column;
    cell.tabIndex = active ? 0 : -1;
    const number = this.#of.cell(at, place);
    if (!number || cell.dataset.number === number.name) return;
    cell.textContent = number.text;
    cell.style.setProperty("background-color", number.ground);
    set(cell, { "data-number": number.name, "aria-label": number.said, title: number.said });
  }

  #at(target, told) {
    const cell = target.closest?.(".pt-cell");
    return cell ? told(...cell.dataset.at.split(",").map(Number)) : undefined;
  }

  #focused(target) {
    const cell = target.closest(".pt-cell");
    if (!cell) return;
    const [row, column] = cell.dataset.at.split(",").map(Number);
    this.#active = { row, column };
    this.#of.point(row, column);
    this.draw();
  }

  #key(event) {
    if (event.altKey || !event.target.closest(".pt-cell")) return;
    const { row, column } = this.#active;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2);
    const next = moveOf(event, this.#active, this.#size, page);
    if (next) this.#go(next);
    else if (event.key === "Enter" || event.key === " ") this.#of.pick(row, column);
    else if (event.key !== "e" || event.ctrlKey || !this.#of.edit(row, column)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #go({ row, column }) {
    this.#active = { row, column };
    const { element } = this;
    const [room, high] = [element.clientWidth - this.#names, element.clientHeight - ROW];
    const [x, y] = [column * this.#width, row * ROW];
    element.scrollTo({
      left: Math.max(Math.min(element.scrollLeft, x), x + this.#width - room),
      top: Math.max(Math.min(element.scrollTop, y), y + ROW - high),
      behavior: "instant",
    });
    this.#draw();
    this.#rows.get(row)?.cells.get(column)?.focus({ preventScroll: true });
  }
}

function cornered() {
  const attributes = { class: "pt-corner", role: "columnheader", "aria-colindex": 1 };
  return h("div", { ...attributes, "data-at": "corner" }, h("span", { class: "unseen" }, "row"));
}

function inView(scrolled, room, step, count, active) {
  const first = Math.max(0, Math.floor(scrolled / step) - AHEAD);
  const last = Math.min(count, Math.ceil((scrolled + room) / step) + AHEAD);
  const all = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
  return active < first || active >= last ? [...all, active] : all;
}
