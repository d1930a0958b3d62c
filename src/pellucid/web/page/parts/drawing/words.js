// Words in the drawing: nothing is smaller than this, or it is not drawn.

export const LEAST = 12; // pixels
const WIDE = 0.57; // a letter's width of its height, on average
const CODE = 0.61;

const known = new Map();
let ruler = null;
let faces = null;

/** Measure words in these faces: {text, code}. */
export function setFaces(wanted) {
  if (faces?.text === wanted.text && faces?.code === wanted.code) return;
  faces = wanted;
  known.clear();
}

/** How wide a text is. */
export function widthOf(text, size, code = false) {
  if (!faces) return text.length * size * (code ? CODE : WIDE);
  const key = code ? `${text}\n` : text;
  if (!known.has(key)) {
    if (known.size > 5000) known.clear();
    ruler ??= document.createElement("canvas").getContext("2d");
    ruler.font = `600 100px ${code ? faces.code : faces.text}`;
    known.set(key, ruler.measureText(text).width / 100);
  }
  return known.get(key) * size;
}

/** A text cut to a width; nothing where too little of it would be left. */
export function cut(text, room, size, code = false) {
  const wide = widthOf(text, size, code);
  if (wide <= room) return text;
  let letters = Math.floor((text.length * room) / wide) - 1;
  while (letters > 2 && widthOf(`${text.slice(0, letters)}…`, size, code) > room) letters -= 1;
  return letters < 3 ? "" : `${text.slice(0, letters)}…`;
}

/** How far something has come from one end to the other: 0 before, 1 after, smooth between. */
export function smooth(from, to, value) {
  const part = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return part * part * (3 - 2 * part);
}
