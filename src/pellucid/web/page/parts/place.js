// Where in a tensor: an index as one writes it, and what it picks.

/** The whole numbers of a text such as "0, 1, 3"; null where it is no such list. */
export function indexOf(text) {
  const inside = text.trim().replace(/^\[|\]$/g, "").trim();
  if (!inside) return [];
  const parts = inside.split(/[\s,]+/).map(Number);
  return parts.every((one) => Number.isInteger(one) && one >= 0) ? parts : null;
}

/** What is wrong with an index for a shape, in a few words; "" where nothing is. */
export function wrong(index, shape) {
  if (index === null) return "An index is whole numbers with commas between them, such as 0,1.";
  if (index.length > shape.length) return `There are ${shape.length} axes here.`;
  const at = index.findIndex((one, axis) => one >= shape[axis]);
  return at < 0 ? "" : `Axis ${at} goes from 0 to ${shape[at] - 1}.`;
}

/** How many numbers an index picks. */
export function picked(index, shape) {
  return shape.slice(index.length).reduce((product, size) => product * size, 1);
}

/** The arguments of the call `tensor` for one number. */
export function windowOf(name, index) {
  const [row, column] = [index.at(-2) ?? 0, index.at(-1) ?? 0];
  const rows = index.length > 1 ? [row, row + 1] : [0, 1];
  const columns = index.length > 0 ? [column, column + 1] : [0, 1];
  return { name, lead: index.slice(0, Math.max(0, index.length - 2)), rows, columns };
}
