// A grid of numbers as colors, which fills as they come: what is not there yet is seen to be empty.

import { h, set } from "../../core/dom.js";
import { tint, written } from "../../core/numbers.js";
import { moveOf } from "../table/moves.js";

const HIGH = { least: 18, most: 40, all: 480 }; // pixels of a row, and of all rows
const WIDE = { least: 14, most: 80, digits: 46 }; // of a column, and from where digits fit

/**
 * {element, show({rows, columns, side, top, corner}), put(row, column, value), mark(row, column, on),
 * choose(row, column), clear()}. `said(row, column, value)` is what a cell says; onchoose on a click
 * or Enter. `most` is the number of full color, or the largest that came. `legend` names both ends.
 */
export function heat({ label, said, onchoose, most = null, legend }) {
  const grid = h("div", { class: "heat-grid", role: "grid", "aria-label": label });
  const ends = [h("span", {}), h("span", {})];
  const key = h("p", { class: "heat-key" }, ends[0], h("i", { "aria-hidden": "true" }), ends[1]);
  const status = h("output", { class: "heat-status" });
  const scrolls = h("div", { class: "heat-scrolls" }, grid);
  const element = h("div", { class: "heat", hidden: true }, scrolls, key, status);
  let cells = [];
  let size = { rows: 0, columns: 0 };
  let largest = 0;
  let active = { row: 0, column: 0 };
  let chosen = null;

  function show({ rows, columns, side, top, corner, words = false }) {
    size = { rows, columns };
    element.hidden = false;
    [largest, chosen, active] = [0, null, { row: 0, column: 0 }];
    const head = h("div", { role: "row" }, h("div", { role: "columnheader", class: "heat-corner" },
      corner), range(columns).map((at) => h("div", { role: "columnheader" }, top(at))));
    cells = range(rows).map((row) => range(columns).map((column) => h("div", {
      role: "gridcell", class: "heat-cell none", tabindex: row + column ? -1 : 0,
      "data-at": `${row},${column}`, "aria-label": said(row, column, null),
    })));
    const lines = cells.map((line, row) => h("div", { role: "row" },
      h("div", { role: "rowheader" }, side(row)), line));
    set(grid, { "aria-rowcount": rows + 1, "aria-colcount": columns + 1 });
    grid.replaceChildren(head, ...lines);
    grid.style.setProperty("--columns", columns);
    grid.classList.toggle("words", words);
    status.textContent = "";
    fit();
    keyed();
  }

  function fit() {
    const room = scrolls.clientWidth - 92 - 2 * size.columns;
    if (room < 0 || !size.rows) return;
    const high = between(Math.floor(HIGH.all / size.rows), HIGH.least, HIGH.most);
    const wide = between(Math.floor(room / size.columns), WIDE.least, Math.max(high, WIDE.most));
    grid.style.setProperty("--high", `${high}px`);
    grid.style.setProperty("--wide", `${wide}px`);
    grid.classList.toggle("digits", wide >= WIDE.digits);
  }

  function put(row, column, value) {
    const cell = cells[row][column];
    cell.value = value;
    cell.classList.remove("none");
    const next = Math.max(largest, Math.abs(Number(value)) || 0);
    if (next > largest) {
      largest = next;
      requestAnimationFrame(paint);
    }
    painted(cell);
  }

  function paint() {
    for (const cell of cells.flat()) if (cell.value !== undefined) painted(cell);
    keyed();
  }

  function painted(cell) {
    const [row, column] = place(cell);
    const full = most ?? largest;
    cell.textContent = brief(cell.value, full);
    cell.style.setProperty("background-color", tint(cell.value, full));
    const off = cell.classList.contains("off") ? ", switched off" : "";
    set(cell, { "aria-label": said(row, column, cell.value) + off });
  }

  function keyed() {
    const full = most ?? largest;
    ends[0].textContent = `${brief(-full, full)} ${legend[0]}`;
    ends[1].textContent = `${brief(full, full)} ${legend[1]}`;
    key.hidden = !full;
  }

  function mark(row, column, on) {
    const cell = cells[row]?.[column];
    cell?.classList.toggle("off", on);
    if (cell?.value !== undefined) painted(cell);
  }

  function choose(row, column) {
    if (chosen) set(chosen, { "aria-selected": null });
    chosen = cells[row]?.[column] ?? null;
    if (chosen) set(chosen, { "aria-selected": "true" });
    go(row, column, false);
  }

  function go(row, column, focus = true) {
    cells[active.row]?.[active.column]?.setAttribute("tabindex", "-1");
    active = { row, column };
    const cell = cells[row]?.[column];
    cell?.setAttribute("tabindex", "0");
    if (focus) cell?.focus();
  }

  function tell(cell) {
    if (cell) status.textContent = cell.getAttribute("aria-label");
  }

  grid.addEventListener("keydown", (event) => {
    const cell = event.target.closest(".heat-cell");
    if (!cell || event.altKey) return;
    const next = moveOf(event, active, size, 8);
    if (next) go(next.row, next.column);
    else if (event.key === "Enter" || event.key === " ") onchoose(...place(cell), cell.value);
    else return;
    event.preventDefault();
  });
  grid.addEventListener("click", ({ target }) => {
    const cell = target.closest(".heat-cell");
    if (!cell) return;
    go(...place(cell));
    onchoose(...place(cell), cell.value);
  });
  for (const type of ["pointerover", "focusin"]) {
    grid.addEventListener(type, ({ target }) => tell(target.closest(".heat-cell")));
  }
  new ResizeObserver(fit).observe(scrolls);
  return { element, show, put, mark, choose };
}

/** A change with its sign, in as many digits as its neighbours need. */
export function brief(value, full = value) {
  const one = Number(value);
  if (!Number.isFinite(one)) return written(value);
  const size = Math.abs(Number(full)) || 1;
  const digits = between(2 - Math.floor(Math.log10(size)), 0, 6);
  const text = one.toFixed(digits);
  if (Number(text) === 0) return "0";
  return written(one > 0 ? `+${text}` : text);
}

function place(cell) {
  return cell.dataset.at.split(",").map(Number);
}

function between(value, least, most) {
  return Math.max(least, Math.min(most, value));
}

function range(count) {
  return Array.from({ length: count }, (_, at) => at);
}
