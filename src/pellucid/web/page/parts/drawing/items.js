// What stands in the stream, one after the other, in the size it has at a scale: steps, blocks, and
// the likeliest next tokens at its end.

import { bare, block } from "./block.js";
import { scaled } from "./boxes.js";
import { inStream } from "./step.js";
import { LEAST, widthOf } from "./words.js";

/** How high a lane is, where there is room, and all lanes together. */
export const LANE = { own: 15, roomy: 22, least: 110, most: 340 }; // pixels at first sight; units of all together
const FEATURED = 0.3; // of the window's height: the lanes of a block that stands for all
// Pixels at first sight: what is written from afar has a size of its own.
const SEEN = { strip: 19, letters: 16, label: 16, next: { w: 220, row: 22, rest: 30, part: 0.3 } };
const TITLE = 15; // pixels of a line
const CARD = 40; // units: the title of a block that is folded, once one is near

/**
 * The items of an outline: boxes with a stream, a spine and a ribbon. `how` is {mode, size, unit,
 * streams, next, turned, fold, lane, rough}, and `made(node, make)` may take one that was made for another.
 */
export function itemsOf(outline, how, made) {
  const known = [...new Set(outline.map(({ stream = "" }) => stream))];
  const others = ({ stream = "" }) => {
    const other = known.find((one) => one !== stream);
    return other === undefined ? null : namesOf(how, other);
  };
  const items = how.fold
    ? foldedItems(outline, how)
    : outline.map((node) => itemOf(node, how, others(node), made));
  if (how.next && items.length && how.fold?.next !== "none") items.push(nextTokens(items.at(-1), how));
  return items;
}

/** The tokens' names of a stream. */
export function namesOf({ streams }, stream) {
  return streams?.[stream] ?? streams?.[""] ?? [];
}

/** The items of an outline whose blocks are folded, but the featured one: as they are at the scale
 * at which a block is as wide, in pixels, as a card; `unit` is that scale. */
export function cardsOf(outline, how, card) {
  const ribbon = LANE.most;
  const own = { mode: how.mode, names: namesOf(how, outline[0].stream ?? ""), others: null, ribbon,
    strip: CARD, rough: how.rough };
  const blocks = outline.filter(({ kind }) => kind === "block");
  const any = block(blocks[0], own);
  const unit = any.w / card;
  const one = (node) => {
    if (node.kind !== "block") return inStream(node, own, { ...headOf(node, { ...how, unit }), low: true });
    return { ...(how.rough ? any : block(node, own)), folded: true };
  };
  const { stream = "" } = outline[0];
  return { unit, items: outline.map((node) => {
    if (node.kind === "block" && node.block === how.featured) return null;
    const item = { ...one(node), stream, ribbon };
    return how.rough ? bare(item) : item;
  }) };
}

function itemOf(node, how, others, made) {
  const { stream = "" } = node;
  const names = namesOf(how, stream);
  const lane = how.lane ?? LANE;
  const ribbon = clamp(names.length * lane.own * how.unit, LANE.least, lane.most);
  const own = { mode: how.mode, names, others, ribbon, rough: how.rough };
  const strip = stripOf(how);
  const item = made(node, () => (node.kind === "block"
    ? block(node, { ...own, strip }) : inStream(node, own, headOf(node, how))));
  return { ...item, stream, ribbon };
}

// One block as large as there is room, the others and the steps beside them as cards.
function foldedItems(outline, how) {
  const { fold, unit, size } = how;
  const cards = how.rough ? fold.cards : cardsOf(outline, how, fold.card);
  const by = unit / cards.unit;
  return outline.map((node, at) => {
    const small = cards.items[at];
    const label = small?.folded ? SEEN.label * unit : 0;
    if (small) return { ...scaled(small, by), ribbon: small.ribbon * by, by, label };
    const { stream = "" } = node;
    const names = namesOf(how, stream);
    const most = Math.max(LANE.least, FEATURED * size.h * unit);
    const ribbon = clamp(names.length * LANE.own * unit, LANE.least, most);
    const own = { mode: how.mode, names, others: null, ribbon, strip: stripOf(how),
      rough: how.rough };
    return { ...block(node, { ...own, columns: fold.columns }), stream, ribbon };
  });
}

function stripOf({ unit }) {
  return Math.max(26, SEEN.strip * unit);
}

// A step beside blocks is as wide as its title in two lines, or as these are turned.
function headOf({ title }, { unit, turned }) {
  const words = title.split(" ");
  const lines = words.map((_, at) =>
    [words.slice(0, at), words.slice(at)].map((one) => one.join(" ")).filter(Boolean));
  const long = (all) => Math.max(...all.map((line) => widthOf(line, LEAST)));
  const best = lines.reduce((one, other) => (long(other) < long(one) ? other : one));
  const across = (best.length * TITLE + 4) * unit;
  const along = (long(best) + SEEN.letters) * unit;
  return { lines: best, turned,
    ...(turned ? { strip: along, least: across } : { strip: across, least: along }) };
}

function nextTokens({ stream, ribbon, by }, { unit, next: most, size, fold }) {
  // In a low window fewer of them: the rest has to be seen too.
  const part = SEEN.next.part * (fold?.next === "last" ? 0.6 : 1);
  const next = clamp(Math.floor(size.h * part / SEEN.next.row), Math.min(3, most), most);
  const [w, h] = [SEEN.next.w * unit, (SEEN.next.rest + SEEN.next.row * next) * unit];
  const title = "Likeliest tokens";
  const node = { id: "next", title, kind: "next", block: null, head: null, tensors: [],
    children: [], formulas: [], says: "", lines: [] };
  return { kind: "next", node, title, x: 0, y: 0, w, h, strip: SEEN.strip * unit, stream, ribbon, by,
    spine: (h - ribbon) / 2, children: [], lines: [], rows: next, aside: fold?.next === "aside" };
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
