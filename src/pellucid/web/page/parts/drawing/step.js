// A node that is one step: its tensors in shelves under its title.

import { boxed, shelves } from "./boxes.js";
import { slot } from "./slots.js";

/** A node that is one step: as a box, with where the stream runs through it. */
export function step(node, mode, aspect = 1.7, strip = 23) {
  const slots = node.tensors.map((tensor) => slot(tensor, mode, pathOf(node)));
  const made = boxed(node, shelves(slots, aspect), strip);
  return { ...made, spine: made.h / 2 };
}

/** The path that a node's own tensors begin with. */
export function pathOf({ tensors }) {
  const paths = tensors.map(({ name }) => name.split(".").slice(0, -1));
  if (paths.length < 2) return paths[0]?.join(".") ?? "";
  const [first, ...others] = paths;
  const same = first.findIndex((part, at) => others.some((path) => path[at] !== part));
  return (same < 0 ? first : first.slice(0, same)).join(".");
}
