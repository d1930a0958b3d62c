// What is in the spotlight: some items of the drawing, and all the rest is dim.

/** Of these items the one that is looked for: {node}, or {tensor, lead}. */
export function found(items, { node, tensor, lead }) {
  const all = [...items].filter((item) => tensor
    ? item.tensor && [item.tensor.name, item.tensor.gradient].includes(tensor)
    : item.node?.id === node && !item.tensor);
  const same = (item) => !lead || item.tensor?.lead.join() === lead.join();
  return all.find(same) ?? all[0];
}

/**
 * Whether an item is lit, as a function: it holds one of the targets, or is part of one. Its
 * `spots` are the rows, columns and numbers to be framed, by their items. Null without targets.
 */
export function spotlight(items, targets) {
  if (!targets) return null;
  const all = [...items];
  const [lit, spots] = [new Set(), new Map()];
  for (const target of targets) {
    const item = found(all, target);
    if (!item) continue;
    spots.set(item, [...(spots.get(item) ?? []), target]);
    for (let one = item; one; one = one.parent) lit.add(one);
    const inside = (one) => {
      lit.add(one);
      one.children.forEach(inside);
    };
    inside(item);
  }
  return Object.assign((item) => lit.has(item), { spots });
}
