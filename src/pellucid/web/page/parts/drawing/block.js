// A block: below, the lanes of the residual stream from left to right; above them what reads them
// and adds to them.

import { beside, boxed, grid, groupScaled, moved, scaled, shelves } from "./boxes.js";
import { CAPTION, slot } from "./slots.js";
import { inStream, pathOf, step } from "./step.js";

const GAP = 16;
const LIFT = 30; // between the lanes and what stands above them, beside the head of a sum
const PAD = 18;
const SMALL = 0.34; // what one looks at only from near
const TABLE = 2.1; // how much larger a head's attention is than its other parts
const HEAD = 24; // a head's title
const STORY = 1.5; // how much larger the heads are where their block stands for all
const HEADS = { w: 860, h: 680 }; // all heads together: one zooms in to see one

/** The box of a block's node; `how` is {mode, ribbon, strip, names, others, columns, rough}: in so many
 * its heads stand, or in as many as are best; `rough` makes its parts, if these are only measured. */
export function block(node, how) {
  const first = node.tensors[0];
  const before = first ? [slot(first, how.mode, `h.${node.block}`, how)] : [];
  const parts = node.children.map((child) => ({ child, box: (how.rough ?? part)(child, how) }));
  const { upper, lower, joins } = placed(parts, before);
  const high = Math.max(0, ...upper.map(({ h }) => h));
  const head = Math.max(0, ...lower.map(({ spine }) => spine));
  const top = how.strip + PAD / 2;
  const spine = top + high + Math.max(LIFT, head) + GAP / 2;
  const above = upper.map((box) => moved(box, PAD, top + high - box.h));
  const below = lower.map((box) => moved(box, PAD, spine - box.spine));
  const children = [...above, ...below];
  const w = Math.max(...children.map((box) => box.x + box.w)) + PAD;
  const h = spine + how.ribbon + PAD + GAP / 2;
  const { title } = node;
  const made = { kind: "block", node, title, x: 0, y: 0, w, h, strip: how.strip, spine };
  const lines = joins.flatMap((join) => joined(join, above, below, spine));
  return { ...made, children, lines, ribbon: how.ribbon };
}

/** Makes a block's parts without what stands within them, and each but once: only the sums are others
 * at another scale. */
export function roughly() {
  const known = new Map();
  return (node, how) => {
    if (node.kind === "sum") return part(node, how);
    const key = `${how.columns} ${node.id}`;
    if (!known.has(key)) known.set(key, bare(part(node, how)));
    return known.get(key);
  };
}

/** A box without what stands within it: enough to find a scale. */
export function bare(box) {
  return { ...box, children: [], lines: [] };
}

function part(node, how) {
  const plain = { ...how, ribbon: 0 };
  if (node.kind === "sum") return inStream(node, how);
  if (node.children.length) return attention(node, plain);
  return node.kind === "norm" ? scaled(step(node, plain, 0.8), SMALL) : step(node, plain, 0.95);
}

function attention(node, how) {
  const path = pathOf(node);
  const split = node.tensors.findLastIndex(({ shape }) => shape.length > 2);
  const flat = (tensors) => groupScaled(
    shelves(tensors.filter(({ shape }) => shape.length < 3)
      .map((one) => slot(one, how.mode, path, how)), 0.3),
    SMALL,
  );
  const heads = node.children.map((head) => boxed(head, squarish(headParts(head, how, path)), HEAD));
  const all = bestGrid(heads);
  const wanted = how.columns ? grid(heads, how.columns) : all;
  const large = how.columns === undefined ? 1 : STORY;
  const inside = beside(
    [
      flat(node.tensors.slice(0, split + 1)),
      groupScaled(wanted, scaleOf(all) * large),
      flat(node.tensors.slice(split + 1)),
    ],
    GAP,
  );
  return boxed(node, inside, 17);
}

// In so many columns that the heads are largest.
function bestGrid(heads) {
  const scales = heads.map((_, at) => scaleOf(grid(heads.map(bare), at + 1)));
  return grid(heads, scales.indexOf(Math.max(...scales)) + 1);
}

function scaleOf({ w, h }) {
  return Math.min(1.2, HEADS.w / w, HEADS.h / h);
}

// From afar a head is a square table: its box is no narrower than that takes.
function squarish({ items, w, h }) {
  const wide = Math.max(w, h * 0.92);
  return { items: items.map((item) => moved(item, (wide - w) / 2, 0)), w: wide, h };
}

// Large, the table that says who looks at whom; below it what it is made of and made into.
function headParts(head, how, path) {
  const table = head.tensors.findLastIndex(({ role }) => role === "attention");
  const slots = head.tensors.map((one) => slot(one, how.mode, path, how));
  const rest = shelves(slots.filter((_, at) => at !== table), 2.8);
  if (table < 0) return rest;
  const large = scaled(slots[table], TABLE);
  const w = Math.max(large.w, rest.w);
  const below = large.h + GAP;
  return {
    // In the order of the outline, in which keys go from one to the next.
    items: slots.map((_, at) => (at === table
      ? moved(large, (w - large.w) / 2, 0)
      : moved(rest.items[at > table ? at - 1 : at], (w - rest.w) / 2, below))),
    w,
    h: below + rest.h,
  };
}

// Above the lanes, one after the other; a sum stands in the lanes, after what is added, and what
// reads the sum stands above it.
function placed(parts, before) {
  const [upper, lower, joins] = [[], [], []];
  let [high, low, last] = [0, 0, null];
  for (const box of before) {
    lower.push({ ...box, spine: CAPTION });
    low = box.w + GAP;
  }
  for (const { child, box } of parts) {
    if (child.kind === "sum") {
      // It may lie below what is added, as far as the arrow down to it has room.
      const x = Math.max(low, high - box.w - GAP, (upper.at(-1)?.x ?? 0) + 2 * GAP);
      lower.push(moved(box, x, 0));
      joins.push({ kind: "add", from: upper.length - 1, to: lower.length - 1 });
      [low, high, last] = [x + box.w + GAP, Math.max(high, x + box.w + GAP), null];
    } else {
      upper.push(moved(box, high, 0));
      const [to, stream] = [upper.length - 1, lower.length - 1];
      const read = last === null;
      joins.push({ kind: read ? "read" : "next", from: read ? stream : last, to });
      [high, last] = [high + box.w + GAP, to];
    }
  }
  return { upper, lower, joins };
}

function joined({ kind, from, to }, above, below, spine) {
  if (kind === "read") {
    const box = above[to];
    const x = box.x + Math.min(box.w, 60) / 2;
    return [{ kind: "arrow", points: [[x, spine], [x, box.y + box.h]] }];
  }
  if (kind === "next") {
    const [left, right] = [above[from], above[to]];
    const y = left.y + left.h - Math.min(left.h, right.h) / 2;
    return [{ kind: "next", points: [[left.x + left.w, y], [right.x, y]] }];
  }
  const [box, sum] = [above[from], below[to]];
  if (!box) return [];
  const x = Math.min(box.x + box.w - 12, sum.x - GAP / 2);
  return [
    { kind: "arrow", points: [[x, box.y + box.h], [x, spine - 6]] },
    { kind: "plus", points: [[x, spine]] },
  ];
}
