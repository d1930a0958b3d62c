// Pictures of tensors as PNG addresses: asked for in the size that is needed, and kept.

const NAN = -128; // the tint of what is no number
const SIZES = [16, 32, 64, 128, 256, 512];

/** The pictures of one store's run; `arrived` is called when a new one is there. */
export class Pictures {
  #store;
  #arrived;
  #within;
  #known = new Map(); // name and lead -> [{height, width, url}], the finest last
  #asked = new Set();
  #colors = null;

  constructor(store, arrived, within) {
    this.#store = store;
    this.#arrived = arrived;
    this.#within = within; // an element that has the page's colors
  }

  /** Forget all: the run, or the theme, is another. */
  clear() {
    this.#known = new Map();
    this.#asked = new Set();
    this.#colors = null;
  }

  /** The best picture there is, or null; a finer one is asked for where it is too coarse. */
  get({ name, lead, rows, columns }, wide, high) {
    const key = `${name}@${lead.join()}`;
    const height = Math.min(rows, fine(high));
    const width = Math.min(columns, fine(wide));
    const own = `${key} ${height} ${width}`;
    const there = this.#known.get(key);
    if (there?.own === own) return there.url;
    if (!this.#asked.has(own)) {
      this.#asked.add(own);
      this.#ask({ name, lead, height, width }, key, own);
    }
    return there?.url ?? null;
  }

  async #ask(fields, key, own) {
    const asked = this.#asked;
    try {
      const answer = await this.#store.picture(fields);
      if (asked !== this.#asked) return;
      const url = painted(answer, this.#tones());
      const there = this.#known.get(key);
      const finer = !there || answer.height * answer.width >= there.area;
      if (finer) this.#known.set(key, { own, url, area: answer.height * answer.width });
      this.#arrived();
    } catch {
      asked.delete(own); // the store has said it; it is asked again when it is seen again
    }
  }

  #tones() {
    this.#colors ??= ["--above", "--below", "--wrong"].map((name) => {
      const probe = document.createElement("i");
      probe.style.setProperty("color", `var(${name})`);
      this.#within.append(probe);
      const [red, green, blue, alpha] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
      probe.remove();
      return [red, green, blue, (alpha ?? 1) * 255];
    });
    return this.#colors;
  }
}

function fine(pixels) {
  return SIZES.find((size) => size >= pixels) ?? SIZES.at(-1);
}

function painted({ tints, height, width }, [above, below, wrong]) {
  const bytes = Int8Array.from(atob(tints), (letter) => letter.charCodeAt(0));
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  bytes.forEach((tint, at) => {
    const [red, green, blue, alpha] = tint === NAN ? wrong : tint < 0 ? below : above;
    image.data.set([red, green, blue, (alpha * Math.abs(tint)) / 127], at * 4);
  });
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
