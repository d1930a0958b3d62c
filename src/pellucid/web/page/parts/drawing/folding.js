// A deep model from afar: one block is drawn large and stands for all, the others are small cards on
// the same stream, in the lines before and after it.

import { cardsOf } from "./items.js";

const DEEP = 8; // blocks: of a model that has fewer all are drawn alike
const READABLE = 150; // pixels: where blocks are as high as that, none is folded
const CARDS = [56, 44, 34, 26, 18]; // pixels: a card's width
const NARROW = { w: 500, card: 9 }; // a window that has room for the featured block alone
const ROWS = [1, 2, 3]; // of heads in the featured block
const WORTH = 0.35; // of a card's size against the featured block's

/** The ways to fold an outline, of which one is the best; none where the model is not deep, where no
 * block is named for it, or where `high()`, how high a block would be in pixels, is enough. */
export function foldings(outline, how, high) {
  const blocks = outline.filter(({ kind }) => kind === "block");
  const featured = blocks.find(({ block }) => block === how.featured);
  const streams = new Set(outline.map(({ stream = "" }) => stream));
  if (!featured || blocks.length < DEEP || streams.size > 1 || high() >= READABLE) return [];
  const heads = Math.max(...featured.children.map(({ children }) => children.length));
  const columns = [...new Set([...ROWS.map((rows) => Math.ceil(heads / rows)), 0])];
  const narrow = how.size.w < NARROW.w;
  const ends = !how.next || narrow ? ["none"] : ["aside", "last"];
  return (narrow ? [NARROW.card] : CARDS).flatMap((card) => {
    const cards = cardsOf(outline, how, card);
    return columns.flatMap((count) => ends.map((next) => ({ card, cards, columns: count, next })));
  });
}

/** The scale at which a way to fold is worth as much as another, at its scale: large is the featured
 * block above all. */
export function evenUnit({ card }, { fold, unit }) {
  return unit * (card / fold.card) ** WORTH;
}
