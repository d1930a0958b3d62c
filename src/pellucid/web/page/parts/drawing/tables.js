// A tensor in the drawing: its name, its picture, and from near its numbers and its tokens' names.

import { label, numberName, placeOf, strength, written } from "../../core/numbers.js";
import { spelled } from "../pieces.js";
import { meets, onScreen } from "./camera.js";
import { markDrawn } from "./marks.js";
import { causal } from "./pictures.js";
import { CAPTION, sizeOf } from "./slots.js";
import { cut, LEAST, widthOf } from "./words.js";

const CELL = { long: 48, short: 15 }; // pixels: a number has room
const GROWS = 0.42; // a figure's height of its cell's
const MOST = 96;

/** Draw a tensor's slot; `to` is the frame. */
export function tensorDrawn(item, to) {
  const at = onScreen(item, to.view);
  to.target(item, at);
  caption(item, at, to);
  item.pictures.forEach((one, place) => {
    const box = onScreen({ ...one, x: item.x + one.x, y: item.y + one.y }, to.view);
    if (!meets(box, to.size) || box.w < 4 || box.h < 1.5) return;
    pictureDrawn(`${item.key}#${place}`, one, box, to);
    if (item.tensor.mark) markDrawn({ node: { mark: item.tensor.mark } }, box, to);
    names(one, box, one.x * to.view.k, (one.y - CAPTION * (item.scale ?? 1)) * to.view.k, to);
  });
}

/** A picture in the colors of the sign, or its numbers where each has room. */
export function pictureDrawn(key, one, box, to) {
  const { pen, state } = to;
  const colors = pen.colors;
  const hue = one.role && colors[one.role];
  if (one.missing) {
    pen.rect(box, { stroke: colors.rule, dash: [3, 3] });
    return;
  }
  const future = blank(one, state.pictures, box);
  ground(one, box, future, pen, colors);
  const cell = { w: box.w / one.columns, h: box.h / one.rows };
  const single = one.columns === 1 && one.rows === 1 && box.h > 15 && box.w > 40;
  const lying = single || (cell.w >= CELL.long && cell.h >= CELL.short);
  const standing = !lying && cell.w >= CELL.short && cell.h >= CELL.long * 1.3;
  if (lying || standing) numbers(key, one, box, cell, standing, future, to);
  else {
    const picture = state.pictures.get(one, box.w, box.h);
    if (picture) pen.image(picture, box);
  }
  if (!future) pen.rect(box, { stroke: hue || colors.rule, width: hue ? 1.4 : 1 });
}

/** Whether the part of a table that lies in the future is left out. */
export function blank(one, pictures, { w, h }) {
  if (one.role !== "attention" || one.rows !== one.columns) return false;
  const data = pictures.data(one, w, h);
  return Boolean(data) && (data.causal ??= causal(data));
}

/** The ground of a table: of one that does not look into the future, its stairs alone. */
export function ground(one, { x, y, w, h }, future, pen, colors) {
  if (!future) return void pen.rect({ x, y, w, h }, { fill: colors.card });
  const [cw, ch] = [w / one.columns, h / one.rows];
  const points = [[x, y], [x, y + h], [x + w, y + h]];
  for (let row = one.rows - 1; row >= 0; row -= 1) {
    points.push([x + (row + 1) * cw, y + row * ch], [x + row * cw, y + row * ch]);
  }
  pen.lines([points], { fill: colors.card });
  pen.lines([[...points, points[0]]], { stroke: colors[one.role], width: Math.min(1.3, w / 60) });
}

/** The tokens' names along a table's axes, as far as there is room: beside and above it. */
export function names(one, box, beside, above, { pen, size: window }) {
  const { rowNames, columnNames } = one;
  const fill = pen.colors.ink;
  if (rowNames && beside > 26) {
    const high = box.h / one.rows;
    const longest = Math.max(...rowNames.map((name) => widthOf(spelled(name), 1)));
    const size = Math.max(LEAST, Math.min(18, high * 0.5, (beside - 8) / longest));
    const step = Math.ceil((size + 1) / high);
    for (let row = 0; row < one.rows; row += step) {
      const y = Math.max(box.y + size * 0.85, box.y + (row + 0.5) * high + size * 0.35);
      if (y < -20 || y > window.h + 20) continue;
      const text = cut(spelled(rowNames[row]), beside - 8, size);
      if (text) pen.text(text, Math.max(box.x - 6, 0), y, { size, fill, anchor: "end" });
    }
  }
  if (columnNames && above > 13) {
    const wide = box.w / one.columns;
    const spelt = columnNames.map(spelled);
    const level = spelt.every((text) => widthOf(text, LEAST) <= wide - 4);
    if (!level && above < 26) return;
    const size = level ? Math.min(18, Math.max(LEAST, Math.min(above * 0.6, wide * 0.2))) : LEAST;
    const step = level ? 1 : Math.ceil((size + 1) / wide);
    for (let column = 0; column < one.columns; column += step) {
      const x = box.x + (column + 0.5) * wide;
      if (x < -20 || x > window.w + 20) continue;
      const text = cut(spelt[column], level ? wide : above - 6, size);
      if (!text) continue;
      if (level) pen.text(text, x, box.y - 5, { size, fill, anchor: "middle" });
      else pen.text(text, x + size * 0.35, box.y - 4, { size, fill, turned: true });
    }
  }
}

function caption(item, at, { pen, view }) {
  const scale = item.scale ?? 1;
  const room = CAPTION * scale * view.k;
  if (room < LEAST * 0.75) return; // there is a little more above it
  const size = Math.max(LEAST, Math.min(18, room * 0.82));
  const title = cut(item.title, at.w + 4, size, true);
  if (!title) return;
  const { colors } = pen;
  const y = at.y + room - Math.min(size * 0.28, 3);
  const fill = colors[item.tensor.role] ?? colors.ink;
  pen.text(title, at.x, y, { size, weight: 600, fill, code: true });
  const shape = shapeOf(item.tensor);
  const left = widthOf(title, size, true) + size * 0.8;
  if (left + widthOf(shape, size) > at.w + 4) return;
  pen.text(shape, at.x + left, y, { size, fill: colors.muted });
}

function shapeOf({ shape, lead = [] }) {
  const { rows, columns } = sizeOf(shape);
  if (!shape.length) return "";
  const last = shape.length === 1 ? [columns] : [rows, columns];
  return (lead.length ? last : shape.length > 2 ? shape : last)
    .map((value) => value.toLocaleString("en-US")).join(" × ");
}

function numbers(key, one, box, cell, standing, future, to) {
  const { pen, size, state } = to;
  const [top, bottom] = visible(box.y, cell.h, one.rows, size.h);
  const [left, right] = visible(box.x, cell.w, one.columns, size.w);
  const shown = [];
  for (let row = top; row < bottom; row += 1) {
    for (let column = left; column < right; column += 1) {
      const number = state.cells.get(one, row, column);
      if (!number) continue;
      const at = { x: box.x + column * cell.w, y: box.y + row * cell.h, w: cell.w - 0.5, h: cell.h - 0.5 };
      const name = numberName(one.name, placeOf(one.shape, one.lead, row, column));
      to.number({ key, name, at, place: [row, column], said: label(name, number.value) });
      if (future && column > row) continue; // nothing, rather than a zero: it is hidden
      shown.push({ row, column, at, number, text: written(number.text) });
    }
  }
  const [along, across] = standing ? [cell.h, cell.w] : [cell.w, cell.h];
  const longest = Math.max(...shown.map(({ text }) => widthOf(text, 1)), 2.2);
  const digits = Math.min(MOST, Math.max(across * GROWS, Math.min(across * 0.8, 13)),
    (along * 0.92) / longest);
  for (const { row, column, at, number, text } of shown) {
    const fill = tinted(number.value, number.largest, pen.colors);
    if (fill) pen.rect(at, { fill });
    figure(text, Math.max(digits, Math.min(LEAST, (along * 0.98) / widthOf(text, 1))), at, standing, to);
    inCell(one, row, column, at, standing, to);
  }
}

// Where an axis is the vocabulary, each cell says its token, as far as it has room.
function inCell(one, row, column, at, standing, { pen, state }) {
  if (standing || at.h < 44 || one.columnNames) return;
  const token = state.cells.label(one, "columns", column) ??
    (one.rowNames ? null : state.cells.label(one, "rows", row));
  if (token === null || one.rowNames?.[row] === token) return;
  const size = Math.min(18, Math.max(LEAST, at.h * 0.16));
  const text = cut(spelled(token), at.w - 8, size);
  pen.text(text, at.x + 5, at.y + size * 1.15, { size, fill: pen.colors.muted });
}

function figure(text, size, { x, y, w, h }, standing, { pen, size: window }) {
  if (size < LEAST - 0.5) return;
  // A number stands in the middle of what is seen of its cell, while it has room there.
  const long = widthOf(text, size);
  const cx = middle(x, w, window.w, standing ? size : long);
  const cy = middle(y, h, window.h, standing ? long : size);
  if (standing) pen.text(text, cx + size * 0.35, cy + long / 2, { size, turned: true });
  else pen.text(text, cx, cy + size * 0.35, { size, anchor: "middle" });
}

function tinted(value, largest, colors) {
  const nan = Number.isNaN(Number(value));
  const share = nan ? 1 : strength(value, largest);
  if (!share) return "";
  const [red, green, blue, alpha] = colors.named(nan ? "wrong" : share < 0 ? "below" : "above");
  return `rgba(${red}, ${green}, ${blue}, ${(alpha / 255) * Math.abs(share) * (nan ? 0.45 : 1)})`;
}

function visible(start, step, count, size) {
  const first = Math.max(0, Math.floor(-start / step));
  return [first, Math.max(first, Math.min(count, Math.ceil((size - start) / step)))];
}

function middle(start, length, size, needed) {
  const [from, to] = [Math.max(start, 0), Math.min(start + length, size)];
  return to - from >= needed ? (from + to) / 2 : start + length / 2;
}
