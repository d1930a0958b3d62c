// A tensor as a table of tinted numbers, of which only those in view are there.

import { define, fill, h, say } from "../core/dom.js";
import { label, numberName, placeOf, shapeText, written } from "../core/numbers.js";
import { Part } from "../core/part.js";
import { leadOf, sizeOf } from "./drawing/slots.js";
import { Grid } from "./table/grid.js";
import { cellOf, lettersOf } from "./table/cell.js";
import { Tiles } from "./tiles.js";

const MODES = { change: "change", both: "before → after", after: "after" };

/**
 * `.tensor` is a TENSOR of the outline; `.against` an experiment to compare with, or null.
 * Says pel-why {name} for a click or Enter, pel-edit {name, index} for e or a double click, and
 * pel-lead {lead} when another place of the first axes is looked at.
 */
class Table extends Part {
  #tensor = null;
  #against = null;
  #mode = "change";
  #lead = [];
  #tiles = null;
  #wide = { rows: 0, columns: 0 }; // pixels of the widest names of rows and columns that came
  #grid = null;
  #head = h("div", { class: "pt-head" });
  #status = h("output", { class: "pt-status", "aria-live": "off" });

  connectedCallback() {
    if (!this.#grid) this.#build();
    super.connectedCallback();
  }

  get tensor() {
    return this.#tensor;
  }

  set tensor(tensor) {
    this.#tensor = tensor;
    this.#lead = tensor ? leadOf(tensor) : [];
    this.#shown();
  }

  get against() {
    return this.#against;
  }

  set against(experiment) {
    this.#against = experiment;
    this.#shown();
  }

  /** Another place of the first axes. */
  set lead(lead) {
    this.#lead = [...lead];
    this.#shown();
  }

  get lead() {
    return this.#lead;
  }

  render() {
    this.#shown();
  }

  /** Scroll together with another table of the same shape. */
  face(other) {
    for (const [from, to] of [[this, other], [other, this]]) {
      from.addEventListener("scroll", () => {
        // Only the one under the hand leads, or the two would push each other.
        if (from.matches(":hover, :focus-within")) to.#grid.scrolled = from.#grid.scrolled;
      }, { capture: true, passive: true });
    }
  }

  #build() {
    const reader = { tensor: (fields) => this.store.tensor(fields) };
    this.#tiles = new Tiles(reader, ({ labels }) => this.#arrived(labels));
    this.#grid = new Grid({
      cell: (row, column) => this.#cell(row, column),
      label: (axis, at) => this.#tiles.label(this.#matrix(), axis, at) ?? String(at),
      pick: (row, column) => say(this, "pel-why", { name: this.#name(row, column) }),
      edit: (row, column) => this.#edit(row, column),
      point: (row, column) => this.#point(row, column),
    });
    this.append(this.#head, this.#grid.element, this.#status);
  }

  #shown() {
    if (!this.#grid || !this.#tensor || !this.store?.run) return;
    this.#tiles.clear();
    this.#wide = { rows: 0, columns: 0 };
    const { rows, columns } = sizeOf(this.#tensor.shape);
    this.#heads();
    const { name, shape, editable } = this.#tensor;
    const said = `${name}, ${shapeText(shape) || "one number"}${editable ? ", e to edit" : ""}`;
    this.#grid.show({ rows, columns, label: said });
    fill(this.#status);
    this.#arrived();
  }

  // Widths follow from the numbers that came first, and from all names.
  #arrived(labels = {}) {
    for (const axis of ["rows", "columns"]) {
      const widths = (labels[axis] ?? []).map((text) => this.#grid.widthOf(text));
      this.#wide[axis] = Math.max(this.#wide[axis], ...widths);
    }
    const sample = this.#tiles.get(this.#matrix(), 0, 0);
    if (!sample) return this.#grid.draw();
    const matrix = this.#matrix();
    const { rows, columns } = matrix;
    let letters = 3;
    for (let row = 0; row < Math.min(rows, 16); row += 1) {
      for (let column = 0; column < Math.min(columns, 16); column += 1) {
        const number = this.#tiles.get(matrix, row, column);
        if (number) letters = Math.max(letters, lettersOf(number, this.#shownMode(number)));
      }
    }
    const numbered = (count) => this.#grid.widthOf(String(count - 1));
    return this.#grid.measure(letters, {
      rows: this.#wide.rows || numbered(rows), columns: this.#wide.columns || numbered(columns),
    });
  }

  #heads() {
    const { shape, lead = [] } = this.#tensor;
    const pickers = this.#lead.map((at, axis) => {
      if (axis < lead.length) return null;
      const choose = h("select", { "aria-label": `place on axis ${axis}` });
      for (let place = 0; place < shape[axis]; place += 1) choose.append(h("option", {}, place));
      choose.value = String(at);
      choose.addEventListener("change", () => this.#turned(axis, Number(choose.value)));
      const title = shape.length === 3 ? "head or place" : `axis ${axis}`;
      return h("label", {}, h("span", { class: "muted" }, title), choose, ` of ${shape[axis]}`);
    });
    const modes = this.#against && h("div", { class: "segments", role: "group" }, this.#modes());
    fill(this.#head, pickers, modes);
    this.#head.hidden = !this.#head.children.length;
  }

  #modes() {
    return Object.entries(MODES).map(([mode, title]) => {
      const turn = () => {
        this.#mode = mode;
        this.#shown();
        this.#head.querySelector('[aria-pressed="true"]')?.focus();
      };
      return h("button", { "aria-pressed": String(mode === this.#mode), onclick: turn }, title);
    });
  }

  #turned(axis, place) {
    this.#lead = this.#lead.with(axis, place);
    this.#shown();
    this.#head.querySelectorAll("select")[axis - (this.#tensor.lead ?? []).length]?.focus();
    say(this, "pel-lead", { lead: this.#lead });
  }

  #matrix() {
    const { name, shape } = this.#tensor;
    return { name, lead: this.#lead, ...sizeOf(shape), against: this.#against };
  }

  #name(row, column) {
    const { name, shape } = this.#tensor;
    return numberName(name, placeOf(shape, this.#lead, row, column));
  }

  #shownMode({ before }) {
    return before ? this.#mode : "after";
  }

  #cell(row, column) {
    const number = this.#tiles.get(this.#matrix(), row, column);
    if (!number) return null;
    return cellOf(number, this.#name(row, column), this.#shownMode(number));
  }

  #edit(row, column) {
    const { name, shape, editable } = this.#tensor;
    if (!editable) return false;
    say(this, "pel-edit", { name, index: placeOf(shape, this.#lead, row, column) });
    return true;
  }

  #point(row, column) {
    const number = this.#tiles.get(this.#matrix(), row, column);
    if (!number) return;
    const { value, before } = number;
    const was = before ? `, before ${written(before.value)}` : "";
    fill(this.#status, label(this.#name(row, column), written(value)) + was);
  }
}

define("pel-table", Table);
