// What is in the spotlight: some items of the drawing, and all the rest is dim.

/** Of these items the one that is looked for: {node}, or {tensor, lead}. */
export function found(items, { node, tensor, lead }) {
  const all = [...items].filter((item) => tensor
    ? item.tensor && [item.tensor.name, item.tensor.gradient].includes(tensor)
    : item.node?.id === node && !item.tensor);
  const same = (item) => !lead || item.tensor?.lead.join() === lead.join();
  return all.find(same) ?? all[0];
}

/** Mark the items of a scene that neither hold one of those that are lit, nor are part of it. */
export function dim(items, lit) {
  if (!lit) return;
  const keys = lit.filter(Boolean).map(({ key }) => key);
  const inside = (key, of) => key === of || key.startsWith(`${of}/`) || key.startsWith(`${of}.`);
  for (const item of items) {
    const own = item.key.split(/[#~]/)[0];
    item.dim = !keys.some((key) => inside(own, key) || inside(key, own));
  }
}
