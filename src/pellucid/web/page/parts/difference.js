// Where two runs part: the first number, in the order of the data's flow, that is not the same.

import { numberName, placeOf } from "../core/numbers.js";
import { byName } from "./tensors.js";

const SIDE = 64; // rows and columns of a window: 4,096 numbers are one answer

/** {tensor, name, here, there} of the first difference in tensors of one shape; or null. */
export async function firstDifference(store, other, names) {
  const [mine, theirs] = [store, other].map(({ run }) => byName(run.outline));
  for (const name of names) {
    const { shape } = mine.get(name);
    if (String(shape) !== String(theirs.get(name).shape)) continue;
    const found = await inTensor(store, other.experiment, name, shape);
    if (found) return { tensor: name, ...found };
  }
  return null;
}

async function inTensor(store, against, name, shape) {
  const [height, width] = [1, 1, ...shape].slice(-2);
  for (const lead of places(shape.slice(0, -2))) {
    for (let row = 0; row < height; row += SIDE) {
      for (let column = 0; column < width; column += SIDE) {
        const rows = [row, Math.min(height, row + SIDE)];
        const columns = [column, Math.min(width, column + SIDE)];
        const answer = await store.call("tensor", { name, lead, rows, columns, against });
        const found = inWindow(answer);
        if (!found) continue;
        const place = placeOf(shape, lead, row + found.row, column + found.column);
        return { name: numberName(name, place), here: found.here, there: found.there };
      }
    }
  }
  return null;
}

function inWindow({ values, against }) {
  if (!against) return null;
  for (const [row, numbers] of values.entries()) {
    for (const [column, here] of numbers.entries()) {
      const there = against.values[row][column];
      if (here !== there) return { row, column, here, there };
    }
  }
  return null;
}

function* places(shape) {
  if (!shape.length) {
    yield [];
    return;
  }
  const [size, ...rest] = shape;
  for (let at = 0; at < size; at += 1) for (const inner of places(rest)) yield [at, ...inner];
}
