// Numbers in the drawing, where a picture is so large that each of its cells has room for one.

import { clear, set, svg } from "../../core/dom.js";
import { label, numberName, placeOf, tint, written } from "../../core/numbers.js";

/** Draw the numbers of a picture that are in view into a place, as buttons. */
export function numbers(place, { picture, at, cell, standing, size }, cells) {
  const [top, bottom] = visible(at.y, cell.h, picture.rows, size.h);
  const [left, right] = visible(at.x, cell.w, picture.columns, size.w);
  const kept = new Map();
  if (place.firstChild?.localName === "image") clear(place);
  const made = new Map([...place.children].map((one) => [one.firstChild.dataset.at, one]));
  for (let row = top; row < bottom; row += 1) {
    for (let column = left; column < right; column += 1) {
      const number = cells.get(picture, row, column);
      if (!number) continue;
      const key = `${row},${column}`;
      const one = made.get(key) ?? button(picture, row, column, key, number);
      const box = { x: at.x + column * cell.w, y: at.y + row * cell.h, w: cell.w, h: cell.h };
      placed(one, box, standing, size);
      kept.set(key, one);
      if (!made.has(key)) place.append(one);
    }
  }
  for (const [key, one] of made) if (!kept.has(key)) one.remove();
}

function visible(start, step, count, size) {
  const first = Math.max(0, Math.floor(-start / step));
  return [first, Math.max(first, Math.min(count, Math.ceil((size - start) / step)))];
}

function button({ name, shape, lead }, row, column, key, { value, text, largest }) {
  const full = numberName(name, placeOf(shape, lead, row, column));
  const made = svg("g", { class: "pd-number", role: "button", tabindex: "-1" });
  Object.assign(made.dataset, { at: key, number: full });
  const rect = svg("rect");
  rect.style.setProperty("fill", tint(value, largest));
  const said = label(full, value);
  made.setAttribute("aria-label", said);
  made.append(rect, svg("title", {}, said));
  const words = svg("text", { class: "pd-figure", "aria-hidden": "true" }, written(text));
  return svg("g", {}, made, words);
}

function placed(one, { x, y, w, h }, standing, size) {
  const [{ firstChild: rect }, text] = one.children;
  set(rect, { x, y, width: Math.max(0, w - 0.5), height: Math.max(0, h - 0.5) });
  // A number stands in the middle of what is seen of its cell, while it has room there.
  const letters = Math.max(4, text.textContent.length);
  const [along, across] = standing ? [h, w] : [w, h];
  const px = Math.min(15, across * 0.72, (along * 0.92) / letters / 0.62);
  const long = letters * px * 0.62;
  const cx = middle(x, w, size.w, standing ? px : long);
  const cy = middle(y, h, size.h, standing ? long : px);
  set(text, { x: cx, y: cy + px * 0.35, "font-size": px });
  text.setAttribute("transform", standing ? `rotate(-90 ${cx} ${cy})` : "");
}

function middle(start, length, size, needed) {
  const [from, to] = [Math.max(start, 0), Math.min(start + length, size)];
  return to - from >= needed ? (from + to) / 2 : start + length / 2;
}
