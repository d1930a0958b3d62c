// Boxes of the drawing's world, and how they are put together. All are plain objects.

const PAD = 9;
const GAP = 10;

/** The same box somewhere else, with all that is in it. */
export function moved(item, dx, dy) {
  return mapped(item, 1, dx, dy);
}

/** The same box larger or smaller, with all that is in it. */
export function scaled(item, factor) {
  return mapped(item, factor, 0, 0);
}

/** Items in rows, so that all together are about so many times as wide as high: {items, w, h}. */
export function shelves(items, aspect) {
  if (!items.length) return { items, w: 0, h: 0 };
  const area = items.reduce((sum, { w, h }) => sum + (w + GAP) * (h + GAP), 0);
  const width = Math.max(Math.sqrt(area * aspect), ...items.map(({ w }) => w));
  const placed = [];
  let [x, y, high, wide] = [0, 0, 0, 0];
  for (const item of items) {
    if (x && x + item.w > width * 1.08) [x, y, high] = [0, y + high + GAP, 0];
    placed.push(moved(item, x, y));
    [x, high] = [x + item.w + GAP, Math.max(high, item.h)];
    wide = Math.max(wide, x - GAP);
  }
  return { items: placed, w: wide, h: y + high };
}

/** Items side by side: {items, w, h}. */
export function row(items) {
  return beside(items.map((item) => ({ items: [item], w: item.w, h: item.h })));
}

/** Items in columns of a grid of equal places: {items, w, h}. */
export function grid(items, columns) {
  const [w, h] = [Math.max(...items.map((one) => one.w)), Math.max(...items.map((one) => one.h))];
  const placed = items.map((item, at) =>
    moved(item, (at % columns) * (w + GAP), Math.floor(at / columns) * (h + GAP)),
  );
  const rows = Math.ceil(items.length / columns);
  return { items: placed, w: columns * (w + GAP) - GAP, h: rows * (h + GAP) - GAP };
}

/** Groups beside each other, each in the middle of the height: {items, w, h}. */
export function beside(groups, gap = GAP) {
  const full = groups.filter(({ items }) => items.length);
  const h = Math.max(0, ...full.map((group) => group.h));
  const items = [];
  let x = 0;
  for (const group of full) {
    items.push(...group.items.map((item) => moved(item, x, (h - group.h) / 2)));
    x += group.w + gap;
  }
  return { items, w: Math.max(0, x - gap), h };
}

/** A group made smaller or larger. */
export function groupScaled({ items, w, h }, factor) {
  return { items: items.map((item) => scaled(item, factor)), w: w * factor, h: h * factor };
}

/** A box around a group, with its node's title in a strip of that height above. */
export function boxed(node, group, strip) {
  const children = group.items.map((item) => moved(item, PAD, strip + PAD / 2));
  const title = node.mark ? `${node.title}, ${node.mark}` : node.title;
  const w = Math.max(group.w, title.length * strip * 0.42) + 2 * PAD;
  const h = group.h + strip + PAD * 1.5;
  return { kind: node.kind, node, title, x: 0, y: 0, w, h, strip, children, lines: [] };
}

// A drawing is put together by this alone, thousands of times: it has to be quick.
function mapped(item, factor, dx, dy) {
  const { x, y, w, h, strip = 0, scale = 1, spine = 0, children, pictures, lines } = item;
  const made = { ...item };
  [made.x, made.y, made.w, made.h] = [x * factor + dx, y * factor + dy, w * factor, h * factor];
  [made.strip, made.scale, made.spine] = [strip * factor, scale * factor, spine * factor];
  if (children.length) made.children = children.map((child) => mapped(child, factor, dx, dy));
  if (pictures && factor !== 1) made.pictures = pictures.map((one) => sizedPicture(one, factor));
  if (lines?.length) {
    made.lines = lines.map((line) => ({
      ...line,
      points: line.points.map(([left, top]) => [left * factor + dx, top * factor + dy]),
    }));
  }
  return made;
}

// A picture's place is counted from its slot's: it grows with it, and does not move in it.
function sizedPicture(one, factor) {
  const { x, y, w, h } = one;
  return { ...one, x: x * factor, y: y * factor, w: w * factor, h: h * factor };
}
