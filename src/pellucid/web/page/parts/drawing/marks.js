// What was done by hand is marked, from afar too.

import { LEAST, widthOf } from "./words.js";

/** What is switched off is crossed out, and says so; what was set has a corner of its own. */
export function markDrawn(item, at, { pen }) {
  const { mark, dead } = item.node ?? {};
  if (!mark) return;
  const color = pen.colors.mark;
  pen.rect(at, { stroke: color, width: 2.5, dash: dead ? [] : [5, 3] });
  if (!dead) {
    const side = Math.min(14, at.w * 0.3, at.h * 0.3);
    const [x, y] = [at.x + at.w, at.y];
    pen.lines([[[x - side, y], [x, y], [x, y + side]]], { fill: color });
    return;
  }
  const all = [];
  const step = Math.max(6, Math.min(at.w, at.h) / 9);
  for (let from = -at.h; from < at.w; from += step) {
    const [start, end] = [Math.max(0, from), Math.min(at.w, from + at.h)];
    all.push([[at.x + start, at.y + start - from], [at.x + end, at.y + end - from]]);
  }
  pen.lines(all, { stroke: color, width: 1, alpha: 0.75 });
  const word = "off";
  const size = Math.min(22, at.h * 0.4, at.w * 0.4);
  if (size < LEAST) return;
  const wide = widthOf(word, size) + size * 0.7;
  const tag = { x: at.x + (at.w - wide) / 2, y: at.y + (at.h - size * 1.5) / 2, w: wide, h: size * 1.5 };
  pen.rect(tag, { fill: pen.colors.card, stroke: color, width: 1.5, radius: 3 });
  pen.text(word, at.x + at.w / 2, at.y + at.h / 2 + size * 0.35,
    { size, weight: 700, fill: color, anchor: "middle" });
}

/** How many things were done by hand within a box, where these are not marked from so far. */
export function counted(item, at, { pen }) {
  const r = Math.max(8, Math.min(13, at.w * 0.05));
  const [x, y] = [at.x + at.w - r - 3, at.y + r + 3];
  pen.rect(at, { stroke: pen.colors.mark, width: 2, radius: 5 });
  pen.circle(x, y, r, { fill: pen.colors.mark });
  const [size, fill] = [Math.max(LEAST, r * 1.25), pen.colors.paper];
  pen.text(String(item.node.marks), x, y + size * 0.36, { size, weight: 700, anchor: "middle", fill });
}
