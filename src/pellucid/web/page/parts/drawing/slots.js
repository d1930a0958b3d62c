// How large a tensor stands in the drawing's world: its picture, or two, under its name.

const AREA = 6000;
const STRIP = 2200;
export const CAPTION = 13;
const APART = 5;

/** Rows and columns of a tensor's picture: its last two axes; a vector is one row. */
export function sizeOf(shape) {
  const [rows, columns] = [1, 1, ...shape].slice(-2);
  return { rows, columns };
}

/** The place of a tensor, at 0, 0: {kind, tensor, w, h, pictures: [{name, x, y, w, h, …}]}. */
export function slot(tensor, mode, prefix = "") {
  const { w, h } = pictureSize(sizeOf(tensor.shape));
  const names = namesOf(tensor, mode);
  const beside = names.length > 1 && w < 100;
  const pictures = names.map((name, place) => ({
    name,
    shape: tensor.shape,
    lead: leadOf(tensor),
    ...sizeOf(tensor.shape),
    missing: name === null,
    x: beside ? place * (w + APART) : 0,
    y: CAPTION + (beside ? 0 : place * (h + APART)),
    w,
    h,
  }));
  const last = pictures.at(-1);
  const title = shortName(tensor.name, prefix);
  const width = Math.max(last.x + w, Math.min(150, title.length * 5.6));
  const place = { x: 0, y: 0, w: width, h: last.y + h };
  return { kind: "tensor", tensor, title, ...place, pictures, children: [] };
}

/** The first axes at which a tensor of more than two is looked at. */
export function leadOf({ shape, lead = [] }) {
  const axes = Math.max(shape.length - 2, 0);
  return [...lead, ...Array(axes).fill(0)].slice(0, axes);
}

/** A name without the part that its box already says. */
export function shortName(name, prefix) {
  return prefix && name.startsWith(`${prefix}.`) ? name.slice(prefix.length + 1) : name;
}

function namesOf({ name, gradient }, mode) {
  if (mode === "gradient") return [gradient];
  return mode === "both" && gradient ? [name, gradient] : [name];
}

function pictureSize({ rows, columns }) {
  if (rows === 1 && columns === 1) return { w: 64, h: 26 };
  const natural = columns / rows;
  if (rows === 1) return sized(STRIP, clamp(columns * 2.2, 3, 12));
  // The cells of small tables are from square to as wide as a number; those of large ones stretch.
  return sized(AREA, clamp(clamp(1.6, natural, natural * 2.2), 0.5, 4));
}

function sized(area, aspect) {
  const h = Math.sqrt(area / aspect);
  return { w: h * aspect, h };
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
