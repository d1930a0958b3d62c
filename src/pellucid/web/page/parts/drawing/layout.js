// The world of the drawing: every node of the outline as a box, in units in which a tensor's
// picture is about a hundred wide. The residual stream runs through it as a ribbon with a lane for
// each token, in lines of a text, and each line begins with the tokens' names.

import { block } from "./block.js";
import { moved } from "./boxes.js";
import { inStream } from "./step.js";
import { LEAST, widthOf } from "./words.js";

const GAP = 70;
const ROUNDS = 10;
const ROOM = 0.92; // of the window, as the camera fits it
const LANE = { own: 15, roomy: 22, least: 110, most: 340 }; // pixels at first sight; units of all together
// Pixels at first sight: what is written from afar has a size of its own.
const SEEN = { names: 80, most: 150, share: 0.16, strip: 19, letters: 16, next: { w: 220, row: 22, rest: 30, part: 0.3 } };
const TITLE = { line: 15, cost: 1.08 }; // how much larger all must get to turn titles
const ROWS = [[1, 1], [2, 1.7], [3, 1.9], [Infinity, 2.1]]; // lines that are tried, and what they cost
const UNITS = { least: 0.3, most: 60 }; // of the world, in a pixel at first sight

/**
 * The world of an outline for a window of that size: {w, h, children, lines, ribbons, unit};
 * `wanted` is {mode, size, streams, next}: the tokens' names by stream, and how many of the likeliest tokens
 * stand at the end.
 */
export function layout(outline, wanted) {
  const size = wanted.size?.w ? wanted.size : { w: 1000, h: 620 };
  const how = { ...wanted, size, gutter: gutterOf(wanted.streams, size) };
  const { unit, turned: better } = best([false, true].flatMap((turned) =>
    ROWS.map(([rows, cost]) => {
      const unit = fittingUnit(outline, { ...how, turned, rows });
      return { turned, unit, cost: unit * cost * (turned ? TITLE.cost : 1) };
    })));
  const rowsOf = (most, made) =>
    wrapped(itemsOf(outline, { ...how, unit, turned: better, most }, made), widthIn(how, unit));
  // The height that is left over goes to the lanes, so that their names have room.
  const rows = rowsOf(undefined, measured());
  const spare = (size.h * ROOM * unit - highOf(rows)) / rows.length;
  const roomy = { own: LANE.roomy, most: LANE.most + Math.max(0, spare) };
  const world = built(rowsOf(roomy, (_, make) => make()), how, unit);
  linked(world, null, "");
  return world;
}

// The largest, but few lines and level titles are worth something too.
function best(all) {
  return all.reduce((one, other) => (other.cost < one.cost ? other : one));
}

// The largest scale at which the lines, broken at the window's edge, fit its height.
function fittingUnit(outline, how) {
  const { size } = how;
  let [least, most] = [UNITS.least, UNITS.most].map(Math.log);
  for (let round = 0; round < ROUNDS; round += 1) {
    const unit = Math.exp((least + most) / 2);
    const rows = wrapped(itemsOf(outline, { ...how, unit }, measured()), widthIn(how, unit));
    const wide = Math.max(...rows.map((row) => row.reduce((sum, { w }) => sum + w + GAP, 0)));
    const fits = rows.length <= how.rows && highOf(rows) <= size.h * ROOM * unit && wide <= widthIn(how, unit) + GAP;
    if (fits) most = Math.log(unit);
    else least = Math.log(unit);
  }
  return Math.exp(most);
}

/** What decides on the places of all boxes: two outlines of one form are drawn alike. */
export function formOf(outline) {
  const form = ({ id, tensors, children }) =>
    [id, tensors.map(({ name, shape }) => [name, shape]), children.map(form)];
  return JSON.stringify(outline.map(form));
}

function widthIn({ size, gutter }, unit) {
  return (size.w * ROOM - gutter) * unit;
}

// Room for the names at the left, if they are not too long.
function gutterOf(streams, { w }) {
  const longest = Math.max(0, ...Object.values(streams ?? {}).flat().map((one) => widthOf(one, LEAST)));
  return Math.min(Math.max(SEEN.names, longest + 24), SEEN.most, w * SEEN.share);
}

// The blocks of a model are alike: to find a scale, one of each form is enough.
function measured() {
  const known = new Map();
  return ({ kind, stream, children }, make) => {
    if (kind !== "block") return make();
    const form = `${stream} ${children.map((child) => `${child.kind} ${child.tensors.length}`)}`;
    if (!known.has(form)) known.set(form, make());
    return known.get(form);
  };
}

function itemsOf(outline, how, made) {
  const { unit } = how;
  const known = [...new Set(outline.map(({ stream = "" }) => stream))];
  const items = outline.map((node) => {
    const { stream = "" } = node;
    const other = known.find((one) => one !== stream);
    const names = namesOf(how, stream);
    const { own: lane, most } = how.most ?? LANE;
    const ribbon = clamp(names.length * lane * unit, LANE.least, most);
    const others = other === undefined ? null : namesOf(how, other);
    const own = { mode: how.mode, names, others, ribbon };
    const strip = Math.max(26, SEEN.strip * unit);
    const item = made(node, () => (node.kind === "block"
      ? block(node, { ...own, strip }) : inStream(node, own, headOf(node, how))));
    return { ...item, stream, ribbon };
  });
  if (how.next && items.length) items.push(nextTokens(items.at(-1), how));
  return items;
}

function namesOf({ streams }, stream) {
  return streams?.[stream] ?? streams?.[""] ?? [];
}

// A step beside blocks is as wide as its title in two lines, or as these are turned.
function headOf({ title }, { unit, turned }) {
  const words = title.split(" ");
  const lines = words.map((_, at) =>
    [words.slice(0, at), words.slice(at)].map((one) => one.join(" ")).filter(Boolean));
  const long = (all) => Math.max(...all.map((line) => widthOf(line, LEAST)));
  const best = lines.reduce((one, other) => (long(other) < long(one) ? other : one));
  const across = (best.length * TITLE.line + 4) * unit;
  const along = (long(best) + SEEN.letters) * unit;
  return { lines: best, turned,
    ...(turned ? { strip: along, least: across } : { strip: across, least: along }) };
}

function built(rows, how, unit) {
  const gutter = how.gutter * unit;
  const world = { kind: "model", x: 0, y: 0, w: 0, h: 0, children: [], lines: [], ribbons: [] };
  Object.assign(world, { title: "Model", unit });
  let y = 0;
  for (const row of rows) {
    const above = Math.max(0, ...row.map((item) => item.spine));
    const below = Math.max(...row.map((item) => item.h - item.spine));
    let x = gutter;
    for (const item of row) {
      world.children.push(moved(item, x, y + above - item.spine));
      x += item.w + GAP;
    }
    const next = row.at(-1).kind === "next";
    const lead = next ? GAP * 0.9 : 0; // on the way to the next tokens only the last lane goes on
    const end = next ? x - row.at(-1).w - GAP - lead : x - GAP * 0.6;
    const { stream, ribbon: h } = row[0];
    world.ribbons.push({ stream, names: namesOf(how, stream), x: gutter * 0.96, to: end,
      y: y + above, h, below: y + above + below, lead });
    world.w = Math.max(world.w, x - GAP * 0.5);
    y += above + below + GAP;
  }
  world.h = y - GAP;
  world.lines = [...returns(world), ...bridges(world)];
  return world;
}

function nextTokens({ stream, ribbon }, { unit, next: most, size }) {
  // In a low window fewer of them: the rest has to be seen too.
  const next = clamp(Math.floor(size.h * SEEN.next.part / SEEN.next.row), Math.min(3, most), most);
  const [w, h] = [SEEN.next.w * unit, (SEEN.next.rest + SEEN.next.row * next) * unit];
  const title = "Likeliest tokens";
  const node = { id: "next", title, kind: "next", block: null, head: null, tensors: [],
    children: [], formulas: [], says: "", lines: [] };
  return { kind: "next", node, title, x: 0, y: 0, w, h, strip: SEEN.strip * unit, stream, ribbon,
    spine: (h - ribbon) / 2, children: [], lines: [], rows: next };
}

function highOf(rows) {
  return rows.reduce((sum, row) => sum + heightOf(row) + GAP, -GAP);
}

function heightOf(row) {
  return Math.max(0, ...row.map(({ spine }) => spine)) + Math.max(...row.map((one) => one.h - one.spine));
}

// Lines of boxes; another stream begins another line.
function wrapped(items, width) {
  const rows = [];
  let room = 0;
  for (const item of items) {
    if (!rows.length || room < item.w + GAP || rows.at(-1)[0].stream !== item.stream) {
      // What comes next does not stand alone: its lanes come from something.
      const along = item.kind === "next" && rows.at(-1)?.length > 1 ? [rows.at(-1).pop()] : [];
      rows.push(along);
      room = width + 1 - along.reduce((sum, { w }) => sum + w + GAP, 0);
    }
    rows.at(-1).push(item);
    room -= item.w + GAP;
  }
  return rows;
}

// From the end of each line of a stream to the beginning of its next.
function returns({ ribbons }) {
  return ribbons.slice(0, -1).flatMap((from, at) => {
    const to = ribbons[at + 1];
    if (to.stream !== from.stream) return [];
    const [y, end, between] = [from.y + from.h / 2, to.y + to.h / 2, from.below + GAP / 2];
    const left = GAP * 0.14;
    const right = from.to + GAP * 0.45;
    return [{ kind: "return",
      points: [[from.to, y], [right, y], [right, between], [left, between], [left, end]] }];
  });
}

// From the end of one stream to where another looks at it.
function bridges({ ribbons, children }) {
  const streams = [...new Set(ribbons.map(({ stream }) => stream))];
  if (streams.length < 2) return [];
  const from = ribbons.findLast(({ stream }) => stream === streams[0]);
  return children.filter(({ stream }) => stream !== streams[0]).flatMap((item) =>
    item.children.filter(({ kind }) => kind === "cross").map((cross) => ({
      kind: "bridge",
      points: [[from.to, from.y + from.h / 2], [cross.x + cross.w / 2, cross.y]],
    })));
}

function linked(item, parent, path) {
  item.parent = parent;
  item.key = path || "model";
  item.stream ??= parent?.stream;
  item.children.forEach((child, at) => {
    const own = child.tensor ? `${child.tensor.name}@${child.tensor.lead.join()}` : child.node.id;
    linked(child, item, child.tensor ? `${item.key}/${own}/${at}` : own);
  });
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
