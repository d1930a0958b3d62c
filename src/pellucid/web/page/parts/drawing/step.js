// A node that is one step, with the lanes running through it: above them its weights, in them what
// has a row for each token.

import { boxed, groupScaled, moved, row, shelves } from "./boxes.js";
import { CAPTION, inLanes, slot } from "./slots.js";

const PAD = 14;
const SMALL = 0.4; // what one looks at only from near
const HIGH = 0.35; // beside blocks: of its width

/** A step that stands above the lanes: its tensors in shelves under its title. */
export function step(node, how, aspect = 1.7, strip = 17) {
  const prefix = pathOf(node);
  const slots = node.tensors.map((tensor) => slot(tensor, how.mode, prefix, how));
  return boxed(node, shelves(slots, aspect), strip);
}

/** A step in the stream: `spine` is where its lanes begin. */
export function inStream(node, how, { strip = 17, least = 0, lines = null, low = false, turned = false } = {}) {
  const prefix = pathOf(node);
  const { ribbon } = how;
  const lying = node.tensors.filter(inLanes);
  const rest = node.tensors.filter((tensor) => !lying.includes(tensor));
  const plain = { ...how, ribbon: 0 };
  const shelf = shelves(rest.map((tensor) => slot(tensor, how.mode, prefix, plain)), turned ? 0.3 : 1.6);
  const large = Math.max(SMALL, (HIGH * least) / (shelf.h || 1));
  const above = groupScaled(shelf, Math.min(least && !low ? large : SMALL,
    Math.max(SMALL / 4, (least - 2 * PAD) / shelf.w)));
  const lane = least ? Math.max(16, (least - 2 * PAD) / lying.length) : Infinity;
  const lanes = row(lying.map((tensor) => slot(tensor, how.mode, prefix, { ...how, ribbon, lane })));
  const head = above.items.length ? above.h + PAD : 0;
  const spine = strip + PAD / 2 + head + (lanes.items.length ? CAPTION : 0);
  const w = Math.max(above.w, lanes.w, least - 2 * PAD) + 2 * PAD;
  const children = [
    ...above.items.map((item) => moved(item, (w - above.w) / 2, strip + PAD / 2)),
    ...lanes.items.map((item) => moved(item, (w - lanes.w) / 2, spine - CAPTION)),
  ];
  const h = spine + ribbon + PAD;
  const { title, kind } = node;
  const named = { title, titles: lines, turned };
  return { kind, node, ...named, x: 0, y: 0, w, h, strip, spine, children, lines: [] };
}

/** The path that a node's own tensors begin with. */
export function pathOf({ tensors }) {
  const paths = tensors.map(({ name }) => name.split(".").slice(0, -1));
  if (paths.length < 2) return paths[0]?.join(".") ?? "";
  const [first, ...others] = paths;
  const same = first.findIndex((part, at) => others.some((path) => path[at] !== part));
  return (same < 0 ? first : first.slice(0, same)).join(".");
}
