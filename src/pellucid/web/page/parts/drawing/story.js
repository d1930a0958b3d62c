// What is seen from afar: a head as its attention table between queries, keys and values; how
// attention carries from lane to lane; an MLP as what widens and narrows again.

import { onScreen } from "./camera.js";
import { blank, ground, names } from "./tables.js";

const STRIPS = 34; // pixels: a smaller head is its table alone
const NAMED = 190; // pixels: a wider head has its tokens' names
const CURVES = { tokens: 64, all: 16, most: 4, few: 2, least: 0.05 };
const ACROSS = new Set(["S", "N"]); // letters of an axis along which attention looks

/** A head from afar, in the part of its box below its title. */
export function headDrawn(item, box, to) {
  const { table, query, key, value } = partsOf(item);
  if (!table?.name) return;
  const { pen, state } = to;
  const named = box.w > NAMED && table.rowNames;
  const gutter = named ? Math.min(70, box.w * 0.26) : 0;
  const head = named ? Math.min(56, box.h * 0.2) : 0;
  const strips = Math.min(box.w, box.h) >= STRIPS;
  const apart = strips ? 2 : 0;
  const share = strips ? 0.13 : 0;
  const side = Math.min(
    (box.w - gutter - 2 * apart) / (1 + share),
    (box.h - head - 4 * apart) / (1 + 2 * share),
  );
  if (side < 4) return;
  const thick = side * share;
  const left = box.x + (box.w - gutter - thick - side) / 2 + gutter + thick + apart;
  const top = box.y + head + thick + apart;
  const at = { x: left, y: top, w: side, h: (side * table.rows) / Math.max(table.rows, table.columns) };
  const future = blank(table, state.pictures, at);
  ground(table, at, future, pen, pen.colors);
  const picture = state.pictures.get(table, at.w, at.h, "attention");
  if (picture) pen.image(picture, at);
  if (!future) pen.rect(at, { stroke: pen.colors.attention, width: 1 });
  if (strips) {
    strip(query, { x: left - thick - apart, y: top, w: thick, h: at.h }, false, to);
    strip(key, { x: left, y: top - thick - apart, w: at.w, h: thick }, true, to);
    strip(value, { x: left, y: top + at.h + apart, w: at.w, h: thick }, true, to);
  }
  if (!named) return;
  const outside = { ...at, x: left - thick - apart, y: at.y - thick - apart };
  names({ ...table, columnNames: null }, { ...at, x: outside.x }, gutter, 0, to);
  names({ ...table, rowNames: null }, { ...at, y: outside.y }, 0, head, to);
}

/** A block that is folded: in one table what any of its heads looks at, above its lanes. */
export function cardDrawn(item, at, { pen, state, view }) {
  const attention = item.children.find(({ kind }) => kind === "attention");
  const { table } = attention ? partsOf(attention) : {};
  if (!table?.name) return;
  const pad = Math.max(1, at.w * 0.06);
  const high = item.spine * view.k - 2 * pad;
  const side = Math.min(at.w - 2 * pad, high);
  if (side < 3) return;
  const box = { x: at.x + (at.w - side) / 2, y: at.y + pad + (high - side) / 2, w: side, h: side };
  const future = blank(table, state.pictures, box);
  ground(table, box, future, pen, pen.colors);
  const picture = state.pictures.strongest(table, "attention");
  if (picture) pen.image(picture, box);
}

/** An MLP from afar: it widens, and narrows again; within, its inner values, a row a token. */
export function mlpDrawn(item, box, to) {
  const { pen, state } = to;
  const { hidden } = partsOf(item);
  const pad = Math.min(box.w, box.h) * 0.06;
  const { x, y, w, h } = { x: box.x + pad, y: box.y + pad, w: box.w - 2 * pad, h: box.h - 2 * pad };
  if (w < 6 || h < 6) return;
  const [low, mid] = [h * 0.3, w * 0.26];
  const shape = [[x, y + low], [x + mid, y], [x + w - mid, y], [x + w, y + low], [x + w, y + h - low],
    [x + w - mid, y + h], [x + mid, y + h], [x, y + h - low]];
  pen.lines([shape], { fill: pen.colors.card });
  const picture = hidden?.name && state.pictures.get(hidden, w, h, "hidden");
  if (picture) pen.image(picture, { x: x + mid, y: y + 1, w: w - 2 * mid, h: h - 2 });
  pen.lines([[...shape, shape[0]]], { stroke: pen.colors.hidden, width: 1.4 });
}

/** What a step makes of each token, from afar: a row of it in each lane. */
export function vectorsDrawn(item, alpha, { pen, view, state }) {
  const last = item.children.findLast(({ tensor, pictures }) => tensor && pictures[0].lanes);
  const one = last?.pictures[0];
  if (!one?.name) return;
  const at = onScreen({ ...one, x: last.x + one.x, y: last.y + one.y }, view);
  const picture = state.pictures.get(one, at.w, at.h, one.role || "stream");
  if (picture) pen.faded(alpha, () => {
    pen.rect(at, { fill: pen.colors.card });
    pen.image(picture, at);
  });
}

/** Attention as curves in the lanes below it, from what is looked at to what looks. */
export function curvesDrawn(block, to) {
  const { pen, view, state } = to;
  const ribbon = block.ribbon * view.k;
  for (const item of block.children) {
    if (item.kind !== "attention" || item.node.dead) continue;
    const { table } = partsOf(item);
    const count = table?.rows ?? 0;
    if (!count || count !== table.columns || count > CURVES.tokens || ribbon < 22) continue;
    const data = state.pictures.data(table, 1, 1);
    if (!data || data.height !== count) continue;
    const at = onScreen(item, view);
    const top = (block.y + block.spine - view.y) * view.k;
    const lane = ribbon / count;
    const y = (place) => top + (place + 0.5) * lane;
    const [from, end] = [at.x + at.w * 0.04, at.x + at.w * 0.96];
    if (end < 0 || from > to.size.w) continue;
    const bend = (end - from) * 0.5;
    data.strongest ??= strongest(data);
    for (const [strength, pairs] of data.strongest) {
      const all = pairs.map(([looks, seen]) =>
        [[from, y(seen)], [from + bend, y(seen)], [end - bend, y(looks)], [end, y(looks)]]);
      pen.curves(all, { stroke: pen.colors.attention, alpha: 0.18 + 0.72 * strength,
        width: Math.max(1, Math.min(lane * 0.4, 6) * strength) });
    }
  }
}

/** The tensors of a box that are its story, as pictures; kept with the box. */
export function partsOf(item) {
  item.story ??= parts(item);
  return item.story;
}

function parts(item) {
  const all = item.children.filter(({ tensor }) => tensor).map((one) =>
    ({ ...one.tensor, picture: one.pictures[0] }));
  const own = all.length && item.kind !== "attention"
    ? all : item.children.flatMap((child) => (child.kind === "head" ? [partsOf(child)] : []));
  if (item.kind === "attention") return { table: own[0]?.table };
  const last = (role, across) => own.findLast((one) =>
    one.role === role && (across === undefined || ACROSS.has(one.letters.at(-2)) === across))?.picture;
  return {
    table: last("attention"),
    query: last("query"),
    key: last("key", true) ?? last("key"),
    value: last("value", true) ?? last("value"),
    hidden: last("hidden"),
  };
}

function strip(one, box, turned, { pen, state }) {
  if (!one?.name) return;
  const color = pen.colors[one.role];
  const picture = state.pictures.get(one, turned ? box.h : box.w, turned ? box.w : box.h, one.role);
  pen.rect(box, { fill: pen.colors.card });
  if (picture) pen.image(picture, box, { turned });
  pen.rect(box, { stroke: color, width: 1 });
}

// Of all heads together, the strongest that each token looks at, in tenths of strength.
function strongest({ matrices, height, width, tints, largest }) {
  const groups = new Map();
  const most = height > CURVES.all ? CURVES.few : CURVES.most;
  const unit = Number(largest) / 127 / matrices;
  for (let row = 0; row < height; row += 1) {
    const mean = Array.from({ length: width }, (_, to) => {
      let sum = 0;
      for (let at = 0; at < matrices; at += 1) sum += Math.abs(tints[(at * height + row) * width + to]);
      return [row, to, sum * unit];
    });
    for (const [looks, seen, weight] of mean.sort((a, b) => b[2] - a[2]).slice(0, most)) {
      if (weight < CURVES.least || looks === seen) continue;
      const tenth = Math.min(10, Math.max(1, Math.round(weight * 10))) / 10;
      groups.set(tenth, [...(groups.get(tenth) ?? []), [looks, seen]]);
    }
  }
  return [...groups];
}
