// Tensors as pictures: asked for in the size that is needed, kept, and painted as small canvases.

const NAN = -128; // the tint of what is no number
const SIZES = [16, 32, 64, 128, 256, 512];
const WHOLE = 64; // so many tokens at most: attention is asked for in full

/** The pictures of one store's run; `arrived` is called when a new one is there. */
export class Pictures {
  #store;
  #arrived;
  #colors;
  #known = new Map(); // name -> {own, height, width, matrices, tints, largest}, the finest
  #painted = new Map();
  #asked = new Set();

  /** `colors` gives the palette there is now. */
  constructor(store, arrived, colors) {
    this.#store = store;
    this.#arrived = arrived;
    this.#colors = colors;
  }

  /** Forget all: the run is another. */
  clear() {
    this.#known = new Map();
    this.#asked = new Set();
    this.#painted = new Map();
  }

  /** Paint all anew: the theme is another. */
  fade() {
    this.#painted = new Map();
  }

  /**
   * The best picture there is as a canvas, or null; a finer one is asked for where it is too coarse.
   * `hue` is a color's name, or "" for the colors of the sign.
   */
  get(one, wide, high, hue = "") {
    const found = this.data(one, wide, high);
    if (!found) return null;
    const [at] = found.matrices > 1 ? one.lead : [0];
    const key = `${one.name} ${found.own} ${at} ${hue}`;
    if (!this.#painted.has(key)) this.#painted.set(key, painted(found, at, this.#colors(), hue));
    return this.#painted.get(key);
  }

  /** The strongest of all the matrices of a tensor, number by number, as a canvas, or null. */
  strongest(one, hue) {
    const found = this.data(one, 1, 1);
    if (!found) return null;
    const key = `${one.name} ${found.own} all ${hue}`;
    if (!this.#painted.has(key)) {
      const size = found.height * found.width;
      const tints = found.tints.slice(0, size);
      found.tints.forEach((tint, at) => {
        if (Math.abs(tint) > Math.abs(tints[at % size])) tints[at % size] = tint;
      });
      this.#painted.set(key, painted({ ...found, tints }, 0, this.#colors(), hue));
    }
    return this.#painted.get(key);
  }

  /** The tints of all the matrices of a tensor, or null: {height, width, matrices, tints}. */
  data({ name, lead, shape, rows, columns, role }, wide, high) {
    if (!name) return null;
    const whole = role === "attention" && Math.max(rows, columns) <= WHOLE;
    const height = whole ? rows : Math.min(rows, fine(high));
    const width = whole ? columns : Math.min(columns, fine(wide));
    // All matrices of three axes come together: of a head one hardly looks at one alone.
    const asked = shape.length === 3 ? [] : lead;
    const key = `${name}@${asked.join()}`;
    const own = `${height} ${width}`;
    const there = this.#known.get(key);
    if (there?.own !== own && !this.#asked.has(`${key} ${own}`)) {
      this.#asked.add(`${key} ${own}`);
      this.#ask({ name, lead: asked, height, width }, key, own);
    }
    return there ?? null;
  }

  async #ask(fields, key, own) {
    const asked = this.#asked;
    try {
      const { tints, ...answer } = await this.#store.picture(fields);
      if (asked !== this.#asked) return;
      const bytes = Int8Array.from(atob(tints), (letter) => letter.charCodeAt(0));
      const there = this.#known.get(key);
      const finer = !there || answer.height * answer.width >= there.height * there.width;
      if (finer) this.#known.set(key, { ...answer, own, tints: bytes });
      this.#arrived();
    } catch {
      asked.delete(`${key} ${own}`); // the store has said it; it is asked again when seen again
    }
  }
}

/** Whether nothing looks at what comes after it: of that a table shows nothing, not a zero. */
export function causal({ height, width, matrices, tints }) {
  if (height !== width || height < 2) return false;
  for (let at = 0; at < matrices * height; at += 1) {
    for (let to = (at % height) + 1; to < width; to += 1) {
      if (tints[at * width + to]) return false;
    }
  }
  return true;
}

function fine(pixels) {
  return SIZES.find((size) => size >= pixels) ?? SIZES.at(-1);
}

function painted({ tints, height, width }, at, colors, hue) {
  const part = tints.subarray(at * height * width, (at + 1) * height * width);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const [above, below, wrong] = hue
    ? [colors.named(hue), colors.named(hue), colors.named("wrong")]
    : ["above", "below", "wrong"].map((name) => colors.named(name));
  part.forEach((tint, place) => {
    const [red, green, blue, alpha] = tint === NAN ? wrong : tint < 0 ? below : above;
    const share = tint === NAN ? 1 : Math.abs(tint) / 127;
    image.data.set([red, green, blue, alpha * share], place * 4);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}
