// The numbers of tensors, a tile at a time: what is in view is asked for, and what came is kept.

const TILE = { rows: 32, columns: 64 };

/** The tiles of a store's run; `arrived` is told each that comes. */
export class Tiles {
  #store;
  #arrived;
  #known = new Map();

  constructor(store, arrived) {
    this.#store = store;
    this.#arrived = arrived;
  }

  /** Forget all: the run is another. */
  clear() {
    this.#known = new Map();
  }

  /** One number: {value, text, largest, before}; null where it is not there yet. */
  get(matrix, row, column) {
    const { tile, down, right } = this.#at(matrix, row, column);
    if (!tile) return null;
    const before = tile.against && {
      value: tile.against.values[down][right],
      text: tile.against.texts[down][right],
    };
    const { values, texts, largest } = tile;
    return { value: values[down][right], text: texts[down][right], largest, before };
  }

  /** What stands before a row, or above a column: null where it has no name of its own. */
  label(matrix, axis, at) {
    const place = axis === "rows" ? [at, 0] : [0, at];
    const { tile, down, right } = this.#at(matrix, ...place);
    return tile?.labels[axis]?.[axis === "rows" ? down : right] ?? null;
  }

  // matrix is {name, lead, rows, columns, against}: one matrix of a tensor.
  #at({ name, lead, rows, columns, against }, row, column) {
    const [down, right] = [row % TILE.rows, column % TILE.columns];
    const [top, left] = [row - down, column - right];
    const key = `${name}@${lead.join()} ${top} ${left} ${against ? 1 : 0}`;
    if (!this.#known.has(key)) {
      const bounds = {
        rows: [top, Math.min(rows, top + TILE.rows)],
        columns: [left, Math.min(columns, left + TILE.columns)],
      };
      this.#known.set(key, null);
      this.#ask({ name, lead, ...bounds, ...(against ? { against } : {}) }, key);
    }
    return { tile: this.#known.get(key), down, right };
  }

  async #ask(fields, key) {
    const known = this.#known;
    try {
      const tile = await this.#store.tensor(fields);
      known.set(key, tile);
      if (known === this.#known) this.#arrived(tile);
    } catch {
      known.delete(key);
    }
  }
}
