// The world of the drawing: every node of the outline as a box, in units in which a tensor's
// picture is about a hundred wide. The residual stream runs through it as lines of a text run.

import { block } from "./block.js";
import { moved, scaled } from "./boxes.js";
import { step } from "./step.js";

const GAP = 90;
const STEPS = { high: 0.62, least: 1.2, most: 3 }; // steps beside blocks, which are full of parts

/** The world of an outline for a view of that aspect: {w, h, items, lines}; items are trees. */
export function layout(outline, { mode, aspect }) {
  const items = sizedSteps(outline.map((node) =>
    node.kind === "block" ? block(node, mode) : step(node, mode)));
  const rows = wrapped(items, bestWidth(items, aspect));
  const world = { kind: "model", x: 0, y: 0, w: 0, h: 0, children: [], lines: [], title: "Model" };
  let y = 0;
  const spines = [];
  for (const row of rows) {
    const above = Math.max(...row.map((item) => item.spine));
    const below = Math.max(...row.map((item) => item.h - item.spine));
    let x = GAP / 2;
    for (const item of row) {
      world.children.push(moved(item, x, y + above - item.spine));
      x += item.w + GAP;
    }
    world.w = Math.max(world.w, x - GAP / 2);
    spines.push({ y: y + above, bottom: y + above + below, end: x - GAP });
    y += above + below + GAP;
  }
  world.h = y - GAP;
  world.lines = spine(spines, world.w);
  linked(world, null, "");
  return world;
}

/** What decides on the places of all boxes: two outlines of one form are drawn alike. */
export function formOf(outline) {
  const form = ({ id, tensors, children }) =>
    [id, tensors.map(({ name, shape }) => [name, shape]), children.map(form)];
  return JSON.stringify(outline.map(form));
}

function sizedSteps(items) {
  const high = Math.max(0, ...items.filter(({ kind }) => kind === "block").map(({ h }) => h));
  return items.map((item) => {
    if (item.kind === "block") return item;
    const factor = (high * STEPS.high) / item.h;
    return scaled(item, Math.min(STEPS.most, Math.max(STEPS.least, factor)));
  });
}

function bestWidth(items, aspect) {
  const total = items.reduce((sum, item) => sum + item.w + GAP, 0);
  const least = Math.max(...items.map((item) => item.w)) + GAP;
  const widths = Array.from({ length: 40 }, (_, at) => least + ((total - least) * at) / 39);
  const scale = (width) => {
    const rows = wrapped(items, width);
    const wide = Math.max(...rows.map((row) => row.reduce((sum, one) => sum + one.w + GAP, 0)));
    const high = rows.reduce((sum, row) => sum + Math.max(...row.map(({ h }) => h)) + GAP, 0);
    return Math.min(aspect / wide, 1 / high);
  };
  return widths.reduce((best, width) => (scale(width) > scale(best) * 1.001 ? width : best));
}

function wrapped(items, width) {
  const rows = [];
  let room = 0;
  for (const item of items) {
    if (!rows.length || room < item.w + GAP) {
      rows.push([]);
      room = width + 1;
    }
    rows.at(-1).push(item);
    room -= item.w + GAP;
  }
  return rows;
}

function spine(rows, width) {
  const points = [];
  rows.forEach(({ y, bottom, end }, at) => {
    points.push([at ? 0 : GAP / 2, y]);
    const last = at === rows.length - 1;
    points.push([last ? end : width, y]);
    if (!last) points.push([width, bottom + GAP / 2], [0, bottom + GAP / 2]);
  });
  return [{ kind: "spine", points }];
}

function linked(item, parent, path) {
  item.parent = parent;
  item.key = path || "model";
  item.children.forEach((child, at) => {
    const own = child.tensor ? `${child.tensor.name}@${child.tensor.lead.join()}` : child.node.id;
    linked(child, item, child.tensor ? `${item.key}/${own}/${at}` : own);
  });
}
