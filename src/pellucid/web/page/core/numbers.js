// Numbers as they are written, named and tinted.

/** A number, or a text with numbers, with true minus signs; a hyphen in a word stays one. */
export function written(value) {
  return String(value).replace(/(?<![\w.)])-(?=[\d.∞I])|(?<=\de)-/g, "−").replace("Infinity", "∞");
}

/** The name of one number: numberName("wte.weight", [3, 0]) is wte.weight[3,0]. */
export function numberName(name, index = []) {
  return index.length ? `${name}[${index.join(",")}]` : name;
}

/** The index of a table's cell in a tensor of that shape: a vector is one row of it. */
export function placeOf(shape, lead, row, column) {
  return [...lead, row, column].slice(shape.length > 1 ? 0 : lead.length + 2 - shape.length);
}

/** What a screen reader says and a title shows: the name, and the value with all its digits. */
export function label(name, value) {
  return `${name} = ${value}`;
}

/** How strong the tint of a number is beside the largest: from -1 to 1; what is no number has 0. */
export function strength(value, largest) {
  const share = Number(value) / Number(largest);
  return Number.isFinite(share) ? Math.max(-1, Math.min(1, share)) : 0;
}

/** A loss in five figures; a server says what is no number by its name. */
export function lossText(value) {
  return written(Number(value).toPrecision(5));
}

/** The color of a number's ground: blue above 0, orange below, by its size beside the largest. NaN
 * has a color of its own; what is infinite has none: masks hide scores by it. */
export function tint(value, largest) {
  if (Number.isNaN(Number(value))) return "color-mix(in srgb, var(--wrong) 45%, transparent)";
  const share = strength(value, largest);
  if (!share) return "transparent";
  const color = share < 0 ? "var(--below)" : "var(--above)";
  return `color-mix(in srgb, ${color} ${Math.round(Math.abs(share) * 100)}%, transparent)`;
}

/** A shape as it is written beside a name: 4 × 768, or nothing for a single number. */
export function shapeText(shape) {
  return shape.map((size) => size.toLocaleString("en-US")).join(" × ");
}

/** A count with the thousands apart. */
export function count(value) {
  return Number(value).toLocaleString("en-US");
}

/** Attributes of an element that is a number of the tape: its name, label, and title. */
export function numberAttributes(name, value) {
  const said = label(name, value);
  return { "data-number": name, "aria-label": said, title: said };
}

/** A probability as a share of a hundred: 54.7 %, 7.6 %, 0.04 %. */
export function percent(probability) {
  const share = Number(probability) * 100;
  if (!Number.isFinite(share)) return written(probability);
  if (share > 0 && share < 0.01) return "< 0.01 %";
  if (share > 99.9 && share < 100) return "> 99.9 %";
  return `${share.toFixed(share === 0 || share === 100 ? 0 : share < 0.1 ? 2 : 1)} %`;
}
