// The world of the drawing: every node of the outline as a box, in units in which a tensor's
// picture is about a hundred wide. The residual stream runs through it as a ribbon with a lane for
// each token, in lines of a text, and each line begins with the tokens' names.

import { roughly } from "./block.js";
import { moved } from "./boxes.js";
import { evenUnit, foldings } from "./folding.js";
import { itemsOf, LANE, namesOf } from "./items.js";
import { LEAST, widthOf } from "./words.js";

const GAP = 70;
const ROUNDS = 10;
const ROOM = 0.92; // of the window, as the camera fits it
const NAMES = { least: 80, most: 150, share: 0.16 }; // pixels at first sight, and at most of the window
const TURNED = 1.08; // what it costs to turn titles
const ROWS = [[1, 1], [2, 1.7], [3, 1.9], [Infinity, 2.1]]; // lines that are tried, and what they cost
const OTHER = 0.06; // how much another window's size, as a logarithm, asks for another layout
const UNITS = { least: 0.3, most: 60 }; // of the world, in a pixel at first sight

/**
 * The world of an outline for a window of that size: {w, h, children, lines, ribbons, unit};
 * `wanted` is {mode, size, streams, next, featured}: the tokens' names by stream, how many of the
 * likeliest tokens stand at the end, and the block that is large where all would be too small.
 */
export function layout(outline, wanted) {
  const size = wanted.size?.w ? wanted.size : { w: 1000, h: 620 };
  const rough = { ...wanted, size, gutter: gutterOf(wanted.streams, size), rough: roughly() };
  const how = bestOf(outline, rough);
  const made = { ...how, lane: how.fold ? undefined : roomy(outline, how), rough: null };
  const world = built(wrapped(itemsOf(outline, made, (_, make) => make()), made), made);
  linked(world, null, "");
  return world;
}

function bestOf(outline, how) {
  const folded = bestFolded(outline, how);
  if (folded) return folded;
  return best([false, true].flatMap((turned) => ROWS.map(([most, cost]) => {
    const one = { ...how, turned, unit: fittingUnit(outline, { ...how, turned }, most) };
    return { one, cost: one.unit * cost * (turned ? TURNED : 1) };
  })));
}

// Of the ways to fold it the one that is worth most, or null where none fits. Most ways are soon done
// with: they do not fit at the scale at which they would be worth as much as another.
function bestFolded(outline, how) {
  let found = null;
  for (const fold of foldings(outline, how, () => highest(outline, how))) {
    const unit = found ? evenUnit(fold, found) : UNITS.most * 0.9;
    if (!fits(outline, { ...how, fold, unit })) continue;
    found = { ...how, fold, unit: fittingUnit(outline, { ...how, fold }, Infinity, unit) };
  }
  return found;
}

// How high a block is, in pixels, where none is folded and all is as large as there is room.
function highest(outline, how) {
  const one = { ...how, turned: true };
  one.unit = fittingUnit(outline, one);
  return itemsOf(outline, one, measured()).find(({ kind }) => kind === "block").h / one.unit;
}

// The largest, but few lines and level titles are worth something too.
function best(all) {
  return all.reduce((one, other) => (other.cost < one.cost ? other : one)).one;
}

// The height that is left over goes to the lanes, so that their names have room.
function roomy(outline, how) {
  const rows = wrapped(itemsOf(outline, how, measured()), how);
  const spare = (how.size.h * ROOM * how.unit - highOf(rows)) / rows.length;
  return { own: LANE.roomy, most: LANE.most + Math.max(0, spare) };
}

// The largest scale at which so many lines, broken at the window's edge, fit its height.
function fittingUnit(outline, how, lines = Infinity, limit = UNITS.most) {
  let [least, most] = [UNITS.least, limit].map(Math.log);
  for (let round = 0; round < ROUNDS; round += 1) {
    const unit = Math.exp((least + most) / 2);
    if (fits(outline, { ...how, unit }, lines)) most = Math.log(unit);
    else least = Math.log(unit);
  }
  return Math.exp(most);
}

function fits(outline, how, lines = Infinity) {
  const rows = wrapped(itemsOf(outline, how, measured()), how);
  const wide = Math.max(...rows.map(widthOfRow));
  return rows.length <= lines && highOf(rows) <= how.size.h * ROOM * how.unit &&
    wide <= widthIn(how) && !crossed(rows);
}

// What rises to the next tokens beside a block would cross a line between.
function crossed(rows) {
  const at = rows.findIndex((row) => row.at(-1).aside);
  return at >= 0 && at < rows.length - 2;
}

/** Whether a window is so much larger or smaller than another that it asks for other lines. */
export function outgrown(before, now) {
  return !before.w || Math.max(Math.abs(Math.log(now.w / before.w)),
    Math.abs(Math.log(now.h / before.h))) > OTHER;
}

/** What decides on the places of all boxes: two outlines of one form are drawn alike. */
export function formOf(outline) {
  const form = ({ id, tensors, children }) =>
    [id, tensors.map(({ name, shape }) => [name, shape]), children.map(form)];
  return JSON.stringify(outline.map(form));
}

function widthIn({ size, gutter, unit }) {
  return (size.w * ROOM - gutter) * unit;
}

// Room for the names at the left, if they are not too long.
function gutterOf(streams, { w }) {
  const longest = Math.max(0, ...Object.values(streams ?? {}).flat().map((one) => widthOf(one, LEAST)));
  return Math.min(Math.max(NAMES.least, longest + 24), NAMES.most, w * NAMES.share);
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

// Between two boxes: what is small stands closer together.
function gapOf({ by = 1 }) {
  return GAP * by;
}

function widthOfRow(row) {
  return row.reduce((sum, item) => sum + item.w + gapOf(item), -gapOf(row[0]));
}

function aboveOf(row) {
  return Math.max(0, ...row.map(({ spine, label = 0, aside }) => (aside ? 0 : spine + label)));
}

function belowOf(row) {
  return Math.max(...row.map(({ h, spine, aside }) => (aside ? 0 : h - spine)));
}

function highOf(rows) {
  return rows.reduce((sum, row) => sum + heightOf(row) + GAP, -GAP);
}

function heightOf(row) {
  return Math.max(aboveOf(row) + belowOf(row), ...row.map(({ h, aside }) => (aside ? h : 0)));
}

// Lines of boxes; another stream, or another scale, begins another line.
function wrapped(items, how) {
  const width = widthIn(how);
  const rows = [];
  const aside = items.at(-1)?.aside ? items.pop() : null;
  let room = 0;
  for (const item of items) {
    const [first] = rows.at(-1) ?? [];
    const other = !first || first.stream !== item.stream || first.by !== item.by;
    if (other || room < item.w + gapOf(item)) {
      // What comes next does not stand alone: its lanes come from something.
      const along = item.kind === "next" && rows.at(-1)?.length > 1 ? [rows.at(-1).pop()] : [];
      rows.push(along);
      room = width + 1 - along.reduce((sum, one) => sum + one.w + gapOf(one), 0);
    }
    rows.at(-1).push(item);
    room -= item.w + gapOf(item);
  }
  // It stands beside the large block, where there is room, and what leads to it rises from the end.
  if (aside) rows.find(([{ by }]) => !by).push({ ...aside, by: undefined });
  return rows;
}

function built(rows, how) {
  const { unit } = how;
  const gutter = how.gutter * unit;
  const world = { kind: "model", x: 0, y: 0, w: 0, h: 0, children: [], lines: [], ribbons: [] };
  Object.assign(world, { title: "Model", unit });
  let y = 0;
  for (const all of rows) {
    const row = all.filter((item) => !item.aside);
    const [above, high] = [aboveOf(all), heightOf(all)];
    const gap = gapOf(row[0]);
    const cards = row.filter(({ folded }) => folded);
    let x = gutter;
    for (const item of row) {
      const ends = { first: item === cards[0], last: item === cards.at(-1) };
      world.children.push({ ...moved(item, x, y + above - item.spine), ...ends });
      x += item.w + gap;
    }
    const next = row.at(-1).kind === "next";
    const lead = next ? gap * 0.9 : 0; // on the way to the next tokens only the last lane goes on
    const end = next ? x - row.at(-1).w - gap - lead : x - gap * 0.6;
    const { stream, ribbon: h } = row[0];
    world.ribbons.push({ stream, names: namesOf(how, stream), x: gutter * 0.96, to: end,
      y: y + above, h, below: y + high, lead });
    for (const item of all.filter((one) => one.aside)) {
      const left = Math.max(x, gutter + widthIn(how) - item.w);
      world.children.push(moved(item, left, y + (high - item.h) / 2));
      x = left + item.w + gap;
    }
    world.w = Math.max(world.w, x - gap * 0.5);
    y += high + GAP;
  }
  world.h = y - GAP;
  world.lines = [...returns(world), ...bridges(world), ...rises(world)];
  // In the order of the stream: what comes next is the last.
  world.children.sort((one, other) => (one.kind === "next") - (other.kind === "next"));
  return world;
}

// From the end of the last line up to what comes next, where that stands beside the large block.
function rises({ ribbons, children }) {
  const next = children.find(({ aside }) => aside);
  const last = ribbons.at(-1);
  if (!next || !last) return [];
  const y = last.y + last.h * (1 - 0.5 / Math.max(1, last.names.length));
  const x = clamp(last.to + GAP * 0.3, next.x + next.w * 0.5, next.x + next.w * 0.96);
  return [{ kind: "rise", points: [[last.to, y], [x, y], [x, next.y + next.h]] }];
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
