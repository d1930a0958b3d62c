// How large a tensor stands in the drawing's world: its picture, or two, under its name.

const AREA = 6000;
const STRIP = 2200;
export const CAPTION = 20;
const APART = 5;
const GUTTER = { beside: 0.34, above: 0.3 }; // room for the names of tokens, of a picture's size
const TOKENS = new Set(["T", "S"]);

/** Rows and columns of a tensor's picture: its last two axes; a vector is one row. */
export function sizeOf(shape) {
  const [rows, columns] = [1, 1, ...shape].slice(-2);
  return { rows, columns };
}

/**
 * The place of a tensor, at 0, 0: {kind, tensor, w, h, pictures: [{name, x, y, w, h, …}]}; `how` is
 * {names, others, ribbon, lane}: the tokens of its stream and of the other, how high the lanes are
 * where each of its rows lies in one, and how wide it may be there.
 */
export function slot(tensor, mode, prefix = "", how = {}) {
  const { names = null, others = null, ribbon = 0, lane = Infinity } = how;
  const size = sizeOf(tensor.shape);
  const [rowNames, columnNames] = axisNames(tensor, size, names, others);
  const lanes = ribbon && rowNames ? ribbon : 0;
  const { w, h } = lanes ? { w: Math.min(lane, laneWidth(lanes)), h: lanes } : pictureSize(size, tensor);
  const left = rowNames && !lanes ? w * GUTTER.beside : 0;
  const top = CAPTION + (columnNames ? Math.min(h * GUTTER.above, w * 0.3) : 0);
  const shown = namesOf(tensor, mode);
  const beside = shown.length > 1 && (lanes || w < 100);
  const step = beside ? left + w + APART : top - CAPTION + h + APART;
  const pictures = shown.map((name, place) => ({
    name,
    shape: tensor.shape,
    lead: leadOf(tensor),
    role: tensor.role ?? "",
    ...size,
    missing: name === null,
    rowNames: lanes ? null : rowNames,
    columnNames,
    lanes: lanes > 0,
    x: left + (beside ? place * step : 0),
    y: top + (beside ? 0 : place * step),
    w,
    h,
  }));
  const last = pictures.at(-1);
  const own = shortName(tensor.name, prefix);
  const title = mode === "gradient" && tensor.gradient ? `d${own}` : own;
  const width = lanes ? last.x + w : Math.max(last.x + w, Math.min(150, title.length * 5.6));
  const place = { x: 0, y: 0, w: width, h: last.y + h };
  return { kind: "tensor", tensor, title, ...place, pictures, children: [] };
}

/** Whether a tensor has a row for each token, so that its rows can lie in the lanes. */
export function inLanes({ shape, letters = [] }) {
  return shape.length === 2 && TOKENS.has(letters[0]) && letters.length === 2;
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

// The names along both axes, where these are tokens: null where not.
function axisNames({ shape, letters = [] }, { rows, columns }, names, others) {
  if (letters.length !== shape.length) return [null, null];
  const named = (letter, count) => {
    const found = TOKENS.has(letter) ? names : letter === "N" ? others : null;
    if (found?.length === count) return found;
    return letter === "S" && others?.length === count ? others : null;
  };
  const [row, column] = ["", "", ...letters].slice(-2);
  return [named(row, rows), named(column, columns)];
}

function namesOf({ name, gradient }, mode) {
  if (mode === "gradient") return [gradient];
  return mode === "both" && gradient ? [name, gradient] : [name];
}

function laneWidth(ribbon) {
  return clamp(ribbon * 0.36, 48, 84);
}

function pictureSize({ rows, columns }, { role }) {
  if (rows === 1 && columns === 1) return { w: 64, h: 26 };
  if (role === "attention" && rows === columns) {
    const side = columns < 4 ? 130 : 108; // square, and few numbers have room sooner
    return { w: side, h: side };
  }
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
