// A block: the residual stream below, from left to right; above it what reads it and adds to it.

import { beside, boxed, grid, groupScaled, moved, scaled, shelves } from "./boxes.js";
import { slot } from "./slots.js";
import { pathOf, step } from "./step.js";

const GAP = 16;
const LIFT = 26; // between the stream and what stands above it
const STRIP = 46;
const PAD = 18;
const HEADS = { w: 620, h: 430 }; // all heads together: one zooms in to see one

/** The box of a block's node. */
export function block(node, mode) {
  const first = node.tensors[0];
  const before = first ? [slot(first, mode, `h.${node.block}`)] : [];
  const parts = node.children.map((child) => ({ child, box: part(child, mode) }));
  const { upper, lower, lines } = placed(parts, before);
  const high = Math.max(0, ...upper.map(({ h }) => h));
  const low = Math.max(0, ...lower.map(({ h }) => h));
  const spine = STRIP + high + LIFT + low / 2 + PAD / 2;
  const top = STRIP + PAD / 2;
  const children = [
    ...upper.map((box) => moved(box, PAD, top + high - box.h)),
    ...lower.map((box) => moved(box, PAD, spine - box.h / 2)),
  ];
  const w = Math.max(...children.map((box) => box.x + box.w)) + PAD;
  const h = spine + low / 2 + PAD;
  const made = { kind: "block", node, title: node.title, x: 0, y: 0, w, h, strip: STRIP, spine };
  return { ...made, children, lines: lines(children, spine, w) };
}

function part(node, mode) {
  if (["attention", "cross"].includes(node.kind) && node.children.length) return attention(node, mode);
  return step(node, mode, node.kind === "sum" ? 3 : 0.95, 17);
}

function attention(node, mode) {
  const path = pathOf(node);
  const split = node.tensors.findLastIndex(({ shape }) => shape.length > 2);
  const flat = (tensors) =>
    tensors.filter(({ shape }) => shape.length < 3).map((one) => slot(one, mode, path));
  const heads = node.children.map((head) => boxed(head, headParts(head, mode, path), 17));
  const columns = Math.max(1, Math.round(Math.sqrt(heads.length * 1.2)));
  const all = grid(heads, columns);
  const inside = beside(
    [
      shelves(flat(node.tensors.slice(0, split + 1)), 0.3),
      groupScaled(all, Math.min(1.2, HEADS.w / all.w, HEADS.h / all.h)),
      shelves(flat(node.tensors.slice(split + 1)), 0.3),
    ],
    GAP,
  );
  return boxed(node, inside, 17);
}

function headParts(head, mode, path) {
  return shelves(head.tensors.map((one) => slot(one, mode, path)), 1.5);
}

// Above the stream, one after the other; a sum stands in the stream, after what is added, and what
// reads the sum stands above it.
function placed(parts, before) {
  const [upper, lower, joins] = [[], [], []];
  let [high, low, last] = [0, 0, null];
  for (const box of before) {
    lower.push(scaled(box, 1));
    low = box.w + GAP;
  }
  for (const { child, box } of parts) {
    if (child.kind === "sum") {
      const x = Math.max(high, low) + (upper.length ? GAP : 0);
      lower.push(moved(box, x, 0));
      joins.push({ kind: "add", from: upper.length - 1, to: lower.length - 1 });
      [low, high, last] = [x + box.w + GAP, x, null];
    } else {
      upper.push(moved(box, high, 0));
      const [to, stream] = [upper.length - 1, lower.length - 1];
      const read = last === null;
      joins.push({ kind: read ? "read" : "next", from: read ? stream : last, to });
      [high, last] = [high + box.w + GAP, to];
    }
  }
  const lines = (children, spine, w) => {
    const above = children.slice(0, upper.length);
    const below = children.slice(upper.length);
    return [
      { kind: "spine", points: [[0, spine], [w, spine]] },
      ...joins.flatMap((join) => joined(join, above, below, spine)),
    ];
  };
  return { upper, lower, lines };
}

function joined({ kind, from, to }, above, below, spine) {
  if (kind === "read") {
    const [stream, box] = [below[from], above[to]];
    if (!box) return [];
    const x = box.x + Math.min(box.w, stream?.w ?? box.w) / 2;
    return [{ kind: "arrow", points: [[x, stream ? stream.y : spine], [x, box.y + box.h]] }];
  }
  if (kind === "next") {
    const [left, right] = [above[from], above[to]];
    const y = left.y + left.h - Math.min(left.h, right.h) / 2;
    return [{ kind: "arrow", points: [[left.x + left.w, y], [right.x, y]] }];
  }
  const [box, sum] = [above[from], below[to]];
  if (!box) return [];
  const x = Math.min(box.x + box.w - 12, sum.x - GAP / 2);
  return [
    { kind: "arrow", points: [[x, box.y + box.h], [x, spine - 6]] },
    { kind: "plus", points: [[x, spine]] },
  ];
}
