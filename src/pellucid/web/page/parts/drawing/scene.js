// What of the world is drawn: what is in view, and as much of it as its size lets one see.

import { meets, onScreen } from "./camera.js";
import { sizeOf } from "./slots.js";

const SEEN = 5; // pixels: a box that is smaller is not drawn
const OPEN = 30; // a box that is narrower shows its title alone
const COVER = 110; // a head that is narrower shows its attention table in the place of its parts
const LEGIBLE = 6.5;
const WORDS = { most: 17, caption: 13 };
const CELL = { long: 40, short: 15 };

/** The items to draw, those behind first; `always` is the key of one that is always among them. */
export function scene(world, view, size, always) {
  const items = [];
  lines(world, view, size, items);
  for (const child of world.children) add(child, view, size, always, items);
  return items;
}

/** The largest scale that is of use: at which the smallest cell is as large as a word. */
export function mostScale(world) {
  let most = 40;
  const visit = (item) => {
    for (const one of item.pictures ?? []) {
      most = Math.max(most, 90 / Math.max(one.w / one.columns, one.h / one.rows / 4));
      most = Math.max(most, 40 / (one.h / one.rows));
    }
    item.children.forEach(visit);
  };
  visit(world);
  return most;
}

function add(item, view, size, always, items) {
  const from = items.length;
  drawn(item, view, size, always, items);
  if (item.node?.dead) for (const one of items.slice(from)) one.dead = true;
}

function drawn(item, view, size, always, items) {
  const at = onScreen(item, view);
  if (item.key !== always && (!meets(at, size) || Math.max(at.w, at.h) < SEEN)) return;
  if (item.kind === "tensor") return void tensor(item, at, view, size, items);
  const words = title(item, at, view, size);
  items.push({ type: "box", key: item.key, item, at, words });
  const cover = item.kind === "head" && at.w < COVER && coverOf(item);
  const strip = words ? words.y - at.y + 3 : item.strip * view.k * 0.5;
  if (cover) items.push(...covered(item, cover, at, strip));
  if (cover || at.w < OPEN) return;
  lines(item, view, size, items);
  for (const child of item.children) add(child, view, size, always, items);
}

function tensor(item, at, view, size, items) {
  items.push({ type: "tensor", key: item.key, item, at, words: caption(item, at, view) });
  item.pictures.forEach((one, place) => {
    const own = { ...one, x: item.x + one.x, y: item.y + one.y };
    const box = onScreen(own, view);
    if (!meets(box, size) || box.w < SEEN || box.h < 1.5) return;
    items.push(picture(`${item.key}#${place}`, one, box, size));
  });
}

function picture(key, one, at, size) {
  const cell = { w: at.w / one.columns, h: at.h / one.rows };
  const single = one.columns === 1 && one.rows === 1 && at.h > 12 && at.w > 34;
  const lying = cell.w >= CELL.long && cell.h >= CELL.short;
  const standing = !lying && cell.w >= CELL.short && cell.h >= CELL.long * 1.4;
  const numbers = !one.missing && (lying || standing || single);
  return { type: numbers ? "numbers" : "picture", key, picture: one, at, cell, standing, size };
}

// A head that is small is its attention table: which token looks at which is its whole point.
// What was set by hand goes on in the place of what it would have been.
function coverOf(item) {
  const named = (end) => item.children.find(({ tensor: one }) => one?.name.endsWith(end));
  return (named(".intervened.out") ?? named(".att"))?.pictures?.[0];
}

// The table is below the box's title, or where there is no room for one, below its upper border.
function covered(item, one, at, strip) {
  const pad = Math.max(1, at.w * 0.05);
  const [w, h] = [at.w - 2 * pad, at.h - strip - pad];
  const side = { w: Math.min(w, h * 1.6), h };
  const box = { x: at.x + (at.w - side.w) / 2, y: at.y + strip, w: side.w, h: side.h };
  return [picture(`${item.key}#cover`, { ...one, cover: true }, box, null)].map((made) => ({
    ...made,
    type: "picture",
  }));
}

function title(item, at, view, size) {
  const strip = item.strip * view.k;
  const most = Math.min(WORDS.most, Math.max(strip * 0.68, 8.5));
  if (strip < LEGIBLE - 0.5 || at.w < 26) return null;
  // The title of a box that begins left of the window stays in sight for as long as the box does.
  const left = Math.max(at.x, 0) + Math.min(8, strip * 0.45);
  const top = at.y + strip * 0.52 + most * 0.36;
  const room = Math.min(at.x + at.w, size.w) - left - 4;
  const px = Math.max(8, Math.min(most, room / item.title.length / 0.6));
  const fits = top > 0 && top < size.h + px && room > px * 1.5;
  return fits ? { x: left, y: top, px, room } : null;
}

function caption(item, at, view) {
  const own = 9.2 * (item.scale ?? 1) * view.k;
  if (own < LEGIBLE) return null;
  const px = Math.min(WORDS.caption, own);
  const shape = shapeOf(item.tensor);
  const letters = item.title.length * 0.62;
  const both = (letters + shape.length * 0.55 + 1) * px < Math.max(at.w, 60) + 4;
  const base = at.y + (item.pictures[0].y - 3.2 * (item.scale ?? 1)) * view.k;
  return { x: at.x, y: base, px, room: at.w + 6, shape: both ? shape : "" };
}

function shapeOf({ shape, lead = [] }) {
  const { rows, columns } = sizeOf(shape);
  if (!shape.length) return "";
  const last = shape.length === 1 ? [columns] : [rows, columns];
  return (lead.length ? last : shape.length > 2 ? shape : last).map(grouped).join(" × ");
}

function grouped(value) {
  return value.toLocaleString("en-US");
}

function lines(item, view, size, items) {
  item.lines.forEach((line, at) => {
    const points = line.points.map(([x, y]) => [(x - view.x) * view.k, (y - view.y) * view.k]);
    items.push({ type: line.kind, key: `${item.key}~${at}`, points, k: view.k, size });
  });
}
