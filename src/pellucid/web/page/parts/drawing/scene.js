// What of the world is drawn, and how: from afar the story, from near the numbers.

import { meets, onScreen } from "./camera.js";
import { chartDrawn } from "./chart.js";
import { counted, markDrawn } from "./marks.js";
import { lanesDrawn, namesDrawn, sweepDrawn } from "./ribbon.js";
import { cardDrawn, curvesDrawn, headDrawn, mlpDrawn, vectorsDrawn } from "./story.js";
import { tensorDrawn } from "./tables.js";
import { cut, LEAST, smooth, widthOf } from "./words.js";

const SEEN = 4; // pixels: a box that is smaller is not drawn
const HIT = 34; // pixels: what is smaller is no target for a pointer; its box is
const DIM = 0.16; // of what is not in the spotlight
const NEAR = { from: 1.06, to: 1.3 }; // how much nearer than at first sight the parts come out
const FILLS = { from: 0.5, to: 0.75 }; // of the window, likewise
const HEAD = { story: 240, between: 252, parts: 264 }; // pixels of a head's width: it turns into its parts
const CARD = { from: 90, to: 130 }; // pixels of a folded block's width: its parts come out
const TITLE = 22; // pixels at most
const PARTS = new Set(["norm", "sum"]); // of a block: from near only

/**
 * Draw the world in a view; {targets, numbers}: what one can point at and hear of, the innermost
 * last. `state` has pictures, cells, next, mode, lit, sweep, current, and home: the scale at which
 * all is seen.
 */
export function draw(pen, world, view, size, state) {
  const to = new Frame(pen, view, size, state);
  for (const child of world.children) framed(child, to);
  lanesDrawn(world, to);
  for (const child of world.children) filled(child, to);
  namesDrawn(world, to);
  if (state.sweep !== null) sweepDrawn(world, state.sweep, to);
  return to;
}

class Frame {
  targets = [];
  numbers = [];

  constructor(pen, view, size, state) {
    Object.assign(this, { pen, view, size, state });
    this.zoomed = smooth(NEAR.from, NEAR.to, view.k / state.home);
  }

  target(item, at, shown = true) {
    if (item.key !== this.state.current && (!shown || this.pen.alpha < 0.1)) return;
    this.targets.push({ item, at, hit: shown && Math.min(at.w, at.h) >= HIT });
  }

  number(number) {
    if (this.pen.alpha > 0.1) this.numbers.push(number);
  }

  /** How dim an item is: whether it holds one that is lit, or is part of it. */
  light(item) {
    return !this.state.lit || this.state.lit(item) ? 1 : DIM;
  }
}

// First all grounds, then the lanes over them, then what stands in the boxes.
function framed(item, to) {
  const at = onScreen(item, to.view);
  if (!meets(at, to.size) || Math.max(at.w, at.h) < SEEN || item.kind === "next") return;
  const { colors } = to.pen;
  const block = item.kind === "block";
  to.pen.faded(to.light(item), () => to.pen.rect(at, {
    fill: block ? colors.paper : colors.card, stroke: block ? colors.edge : colors.rule, radius: 5,
  }));
}

function filled(item, to) {
  const at = onScreen(item, to.view);
  const seen = meets(at, to.size) && Math.max(at.w, at.h) >= SEEN;
  if (!seen && !holds(item, to.state.current)) return;
  to.pen.faded(to.light(item), () => {
    to.target(item, at);
    if (item.kind === "next") return void chartDrawn(item, at, to);
    const block = item.kind === "block";
    const share = Math.max(at.w / to.size.w, at.h / to.size.h);
    const near = to.zoomed * smooth(FILLS.from, FILLS.to, share);
    const card = item.folded ? 1 - smooth(CARD.from, CARD.to, at.w) : 0;
    to.pen.faded(card, () => {
      cardDrawn(item, at, to);
      label(item, at, to);
    });
    to.pen.faded(1 - card, () => {
      title(item, at, to);
      if (block) {
        curvesDrawn(item, to);
        lines(item, at, near, to);
      } else vectorsDrawn(item, 1 - near, to);
      for (const child of item.children) part(child, near, to);
    });
    if (card === 1) inside(item, to);
    if (item.node.mark) markDrawn(item, at, to);
    else if (item.node.marks) counted(item, at, to);
    lit(item, to);
  });
}

// Of a folded block only what the keys have come to is there, unseen.
function inside(item, to) {
  for (const child of item.children.filter((one) => holds(one, to.state.current))) {
    to.target(child, onScreen(child, to.view), false);
    inside(child, to);
  }
}

// The number of a folded block, above it, as far as there is room; where it has room, its title.
function label({ title: words, node, first, last }, at, { pen }) {
  const short = String(node.block);
  const text = widthOf(words, LEAST) <= at.w + 2 ? words : short;
  if (widthOf("00", LEAST) > at.w && !first && !last) return;
  pen.text(text, at.x + at.w / 2, at.y - 4, { size: LEAST, weight: 620, anchor: "middle", fill: inkOf({ node }, pen) });
}

function holds(item, key) {
  return key === item.key || item.children.some((child) => holds(child, key));
}

function part(item, near, to) {
  const at = onScreen(item, to.view);
  const always = holds(item, to.state.current);
  if (!always && (!meets(at, to.size) || Math.max(at.w, at.h) < SEEN)) return;
  const fine = item.tensor || PARTS.has(item.kind);
  const alpha = fine ? near : 1;
  if (alpha < 0.02 && !always) return;
  to.pen.faded(to.light(item), () => {
    if (fine) to.pen.faded(alpha, () => (item.tensor ? tensorDrawn(item, to) : step(item, at, near, to)));
    else if (item.kind === "head") head(item, at, to);
    else step(item, at, near, to);
    if (fine && alpha < 0.1) to.target(item, at, false);
    lit(item, to);
  });
}

// A part of a block: from afar, attention is its heads, and an MLP its shape.
function step(item, at, near, to) {
  const { pen } = to;
  to.target(item, at);
  pen.faded(near, () => pen.rect(at, { fill: pen.colors.card, stroke: pen.colors.rule, radius: 4 }));
  const words = title(item, at, to, near < 0.5);
  const below = words ? words.bottom - at.y : 0;
  if (item.kind === "mlp") {
    const box = { x: at.x, y: at.y + below, w: at.w, h: at.h - below };
    pen.faded(1 - near, () => mlpDrawn(item, box, to));
  }
  for (const child of item.children) part(child, near, to);
  if (item.node.mark && !item.node.marks) markDrawn(item, at, to); // else its heads say it
}

function head(item, at, to) {
  const { pen } = to;
  const inner = smooth(HEAD.between, HEAD.parts, at.w);
  const outer = 1 - smooth(HEAD.story, HEAD.between, at.w);
  to.target(item, at);
  const dead = item.node.dead ? 0.35 : 1;
  if (at.w > 60) {
    pen.rect(at, { fill: pen.colors.paper, stroke: pen.colors.rule, radius: 4 });
  }
  const words = title(item, at, to);
  const top = words ? words.bottom : at.y;
  const box = { x: at.x + at.w * 0.03, y: top + 2, w: at.w * 0.94, h: at.y + at.h - top - 4 };
  pen.faded(outer * dead, () => headDrawn(item, box, to));
  pen.faded(dead, () => { for (const child of item.children) part(child, inner, to); });
  markDrawn(item, at, to);
}

function title(item, at, to, loose = false) {
  if (item.titles) return titleLines(item, at, to);
  const { pen, size: window } = to;
  const strip = item.strip * to.view.k;
  if (strip < LEAST * (loose ? 0.9 : 0.98)) return null;
  // The title of a box that begins left of the window stays in sight for as long as the box does.
  const left = Math.max(at.x, 0) + Math.min(8, Math.max(4, strip * 0.3));
  const room = Math.min(at.x + at.w, window.w) - left - 5;
  const most = Math.min(TITLE, Math.max(LEAST, strip * 0.72));
  const size = Math.max(LEAST, Math.min(most, room / widthOf(item.title, 1)));
  // Of "Block 12" the number is what tells it from the next.
  const [number] = item.title.match(/\d+$/) ?? [""];
  const whole = widthOf(item.title, size) <= room;
  const words = whole ? item.title : number && widthOf(number, size) <= room
    ? number : cut(item.title, room, size);
  if (!whole && !number && words.length < 6) return null;
  if (!words) return null;
  const top = at.y + Math.max(1, (strip - size * 1.12) / 2);
  if (top + size * 2 < 0 || top > window.h) return null;
  pen.text(words, left, top + size * 0.88, { size, weight: 620, fill: inkOf(item, pen) });
  return { bottom: at.y + strip };
}

// The title of a step beside the blocks: in the lines that its width was made for.
function titleLines(item, at, { pen, view }) {
  const { titles, turned } = item;
  const [along, across] = turned
    ? [item.strip * view.k, at.w] : [at.w, item.strip * view.k];
  const wide = Math.max(...titles.map((line) => widthOf(line, 1)));
  const size = Math.min(TITLE, (along - 6) / wide, across / titles.length / 1.12);
  if (size < LEAST - 0.2) return;
  const start = (across - size * 1.16 * titles.length) / 2;
  titles.forEach((line, place) => {
    const base = start + size * (0.9 + 1.16 * place);
    const style = { size, weight: 600, fill: inkOf(item, pen), turned };
    if (turned) pen.text(line, at.x + base, at.y + along - 4, style);
    else pen.text(line, at.x + Math.max(4, (along - wide * size) * 0.2), at.y + base, style);
  });
}

function inkOf({ node }, { colors }) {
  return node.mark || node.marks ? colors.mark : colors.ink;
}

function lines(item, at, near, { pen, view, size, state }) {
  if (at.w < 150) return;
  const { k } = view;
  const back = state.mode === "gradient";
  const stroke = pen.colors.stream;
  for (const { kind, points } of item.lines) {
    const seen = points.map(([x, y]) => [(x - view.x) * k, (y - view.y) * k]);
    if (seen.every(([x, y]) => x < -50 || y < -50 || x > size.w + 50 || y > size.h + 50)) continue;
    if (kind === "plus") plus(seen[0], k, pen);
    else if (kind === "next") pen.faded(near, () => arrow(back ? seen.reverse() : seen, k, stroke, pen));
    else pen.faded(0.35 + 0.65 * near, () => arrow(back ? seen.reverse() : seen, k, stroke, pen));
  }
}

function arrow([[x, y], [to, end]], k, stroke, pen) {
  const tip = Math.max(3, Math.min(9, 8 * k));
  const [dx, dy] = [Math.sign(to - x), Math.sign(end - y)];
  const [sx, sy] = dx ? [0, tip * 0.6] : [tip * 0.6, 0];
  const point = [[to - dx * tip - sx, end - dy * tip - sy], [to, end], [to - dx * tip + sx, end - dy * tip + sy]];
  pen.lines([[[x, y], [to, end]], point], { stroke, width: Math.max(1.2, Math.min(3, 2 * k)) });
}

function plus([x, y], k, pen) {
  const r = Math.max(2.5, Math.min(11, 8 * k));
  const arm = r * 0.55;
  pen.circle(x, y, r, { fill: pen.colors.card, stroke: pen.colors.stream, width: 1.4 });
  pen.lines([[[x - arm, y], [x + arm, y]], [[x, y - arm], [x, y + arm]]],
    { stroke: pen.colors.stream, width: 1.4 });
}

// The row, the column or the number of a table that the spotlight is on.
function lit(item, { pen, view, state }) {
  const spots = state.lit?.spots?.get(item) ?? [];
  for (const { row, column } of spots) {
    const one = item.pictures?.[0];
    if (!one || (row === undefined && column === undefined)) continue;
    const box = onScreen({ ...one, x: item.x + one.x, y: item.y + one.y }, view);
    const [w, h] = [box.w / one.columns, box.h / one.rows];
    const across = column === undefined ? { x: box.x, w: box.w } : { x: box.x + column * w, w };
    const down = row === undefined ? { y: box.y, h: box.h } : { y: box.y + row * h, h };
    pen.rect({ ...across, ...down }, { stroke: pen.colors.mark, width: 3 });
  }
}
