// The residual stream: a lane for each token from line to line, the tokens' names at the left, and
// at its end the tokens that may come next.

import { spelled } from "../pieces.js";
import { cut, LEAST, widthOf } from "./words.js";

const NARROW = 3; // pixels between two lanes, at least
const NAME = { most: 17, pad: 6, apart: 1.12 };

/** The lanes of all lines that are in view, and what leads from line to line. */
export function lanesDrawn(world, to) {
  const { pen, view } = to;
  for (const { kind, points } of world.lines) {
    const seen = points.map(([x, y]) => [(x - view.x) * view.k, (y - view.y) * view.k]);
    if (kind === "rise") {
      risen(seen, pen);
      continue;
    }
    const bridge = kind === "bridge";
    const color = pen.colors[bridge ? "attention" : "stream"];
    if (!bridge) {
      pen.lines([seen], { stroke: color, width: Math.max(1.6, Math.min(3, 2.4 * view.k)), alpha: 0.5 });
      continue;
    }
    const [[x, y], [end, top]] = seen;
    pen.curves([[[x, y], [x, (y + top) / 2], [end, (y + top) / 2], [end, top]]],
      { stroke: color, width: 2, alpha: 0.5 });
  }
  for (const ribbon of world.ribbons) {
    const at = placed(ribbon, view);
    if (at.y + at.h > 0 && at.y < to.size.h && at.to > 0 && at.x < to.size.w) lanes(ribbon, at, to);
  }
}

// The last token's lane goes on to what comes next.
function risen(seen, pen) {
  const [x, y] = seen.at(-1);
  const { stream } = pen.colors;
  pen.lines([[...seen.slice(0, -1), [x, y + 6]]], { stroke: stream, width: 2.4 });
  pen.lines([[[x - 5, y + 8], [x, y], [x + 5, y + 8]]], { fill: stream });
}

/** The tokens' names: at the left of each line, or of the window where a line begins before it. */
export function namesDrawn(world, to) {
  for (const ribbon of world.ribbons) {
    const at = placed(ribbon, to.view);
    if (at.y + at.h < 0 || at.y > to.size.h || at.to < 60 || at.x > to.size.w) continue;
    laneNames(ribbon, at, to);
  }
}

/** A light that goes once through all lines, from left to right: what it has not reached is pale. */
export function sweepDrawn(world, part, { pen, view, size }) {
  const all = world.ribbons.reduce((sum, { x, to }) => sum + to - x, 0);
  let left = all * part;
  for (const ribbon of world.ribbons) {
    const at = placed(ribbon, view);
    const top = at.y - (ribbon.y - rowTop(world, ribbon)) * view.k;
    const h = (ribbon.below - rowTop(world, ribbon)) * view.k;
    const long = ribbon.to - ribbon.x;
    const reached = at.x + Math.max(0, Math.min(1, left / long)) * (at.to - at.x);
    const veil = { x: reached, y: top - 4, w: size.w - reached, h: h + 8 };
    if (left < long) pen.rect(veil, { fill: pen.colors.sunk, alpha: 0.72 });
    if (left >= 0 && left < long) {
      pen.rect({ x: reached - 14, y: top, w: 14, h }, { fill: pen.colors.link, alpha: 0.16 });
      pen.rect({ x: reached - 2, y: top, w: 2.5, h }, { fill: pen.colors.link, alpha: 0.9 });
    }
    left -= long;
  }
}

function rowTop(world, ribbon) {
  const at = world.ribbons.indexOf(ribbon);
  return at ? world.ribbons[at - 1].below : 0;
}

function placed({ x, to, y, h }, view) {
  return { x: (x - view.x) * view.k, to: (to - view.x) * view.k, y: (y - view.y) * view.k, h: h * view.k };
}

function lanes({ names, lead }, at, { pen, size, view, state }) {
  const count = names.length;
  if (!count) return;
  const { stream } = pen.colors;
  const lane = at.h / count;
  const [left, right] = [Math.max(at.x, -20), Math.min(at.to, size.w + 20)];
  pen.rect({ x: left, y: at.y, w: right - left, h: at.h }, { fill: stream, alpha: 0.07 });
  const step = Math.max(1, Math.ceil(NARROW / lane));
  const all = [];
  for (let place = 0; place < count - 1; place += step) {
    const y = at.y + (place + 0.5) * lane;
    if (y > -5 && y < size.h + 5) all.push([[left, y], [right, y]]);
  }
  const width = Math.max(1, Math.min(5, lane * 0.16));
  pen.lines(all, { stroke: stream, width, alpha: 0.6 });
  // The last token's lane is the one that says what comes next.
  const y = at.y + (count - 0.5) * lane;
  const strong = { stroke: stream, width: Math.max(2, width * 1.7) };
  pen.lines([[[left, y], [right, y]]], strong);
  if (lead) {
    const [long, middle] = [lead * view.k, at.y + at.h / 2];
    pen.curves([[[at.to, y], [at.to + long * 0.6, y], [at.to + long * 0.4, middle],
      [at.to + long, middle]]], strong);
  }
  heads(at, lane, pen, state.mode === "gradient");
}

// Which way: the gradients run from the loss back to the words.
function heads(at, lane, pen, back) {
  const side = Math.max(5, Math.min(11, at.h * 0.12));
  const [x, turn] = back ? [at.x + side, -1] : [at.to - side * 0.2, 1];
  const y = at.y + at.h - lane / 2;
  const points = [[x - turn * side, y - side * 0.7], [x, y], [x - turn * side, y + side * 0.7]];
  pen.lines([points], { fill: pen.colors.stream });
}

function laneNames({ names }, at, { pen, size: window }) {
  const lane = at.h / names.length;
  const size = Math.max(LEAST, Math.min(NAME.most, lane * 0.72));
  const step = Math.max(1, Math.ceil((size * NAME.apart) / lane));
  const sticky = at.x < 40;
  const room = sticky ? Math.min(150, window.w * 0.3) : at.x - NAME.pad;
  const right = sticky ? 0 : at.x - NAME.pad;
  // The last is always there: it is the one whose lane says what comes next.
  const last = names.length - 1;
  const shown = names.map((_, place) => place).filter((place) => (last - place) % step === 0);
  for (const place of shown) {
    const y = at.y + (place + 0.5) * lane;
    if (y < size * 0.4 || y > window.h - size * 0.3) continue;
    const text = cut(spelled(names[place]), room, size);
    if (!text) continue;
    const weight = place === last ? 600 : 400;
    if (sticky) {
      const w = widthOf(text, size) + 12;
      const box = { x: right + 2, y: y - size * 0.68, w, h: size * 1.36 };
      pen.rect(box, { fill: pen.colors.sunk, radius: 3, alpha: 0.92 });
      pen.text(text, right + 8, y + size * 0.35, { size, weight });
    } else pen.text(text, right, y + size * 0.35, { size, weight, anchor: "end" });
  }
}
