// One cell of a table: what it says, and how it is tinted.

import { label, tint, written } from "../../core/numbers.js";

/** {text, ground, name, said} of a number that is shown after, both, or as its change. */
export function cellOf(number, name, mode) {
  const { value, largest, before } = number;
  const said = label(name, value);
  if (mode === "after" || !before) {
    return { text: written(number.text), ground: tint(value, largest), name, said };
  }
  // What is infinite in both did not change, and neither did what is NaN in both.
  const change = value === before.value ? 0 : Number(value) - Number(before.value);
  const ground = tint(change * 4, largest); // a change of a quarter of the largest is full
  if (mode === "change") return { text: change === 0 ? "·" : changed(change), ground, name, said };
  return { text: `${written(before.text)} → ${written(number.text)}`, ground, name, said };
}

/** How many letters a number takes. */
export function lettersOf(number, mode) {
  if (mode === "change") return 9;
  return mode === "both" && number.before
    ? number.before.text.length + number.text.length + 3
    : number.text.length;
}

function changed(change) {
  const size = Math.abs(change);
  if (!Number.isFinite(change)) return change > 0 ? "+∞" : written(change);
  const text = size >= 1e-4 && size < 1e5 ? size.toPrecision(3) : size.toExponential(1);
  return (change < 0 ? "−" : "+") + text.replace("e-", "e−").replace("e+", "e");
}
