// The way through numbers: a history as a browser's, where each entry knows the way down to it.

/** The beginning: nothing was asked for yet. */
export const EMPTY = { entries: [], at: -1 };

/** The entry one stands at: {name, way: [names from where one began, down to name]}; or null. */
export function current(trail) {
  return trail.entries[trail.at] ?? null;
}

/** Go to a number; `down` says that it is one of those that the current one was made from. */
export function visit(trail, name, down) {
  const here = current(trail);
  if (here?.name === name) return trail;
  const before = down && here ? here.way : [];
  const met = before.indexOf(name);
  const way = met < 0 ? [...before, name] : before.slice(0, met + 1);
  const entries = [...trail.entries.slice(0, trail.at + 1), { name, way }];
  return { entries, at: entries.length - 1 };
}

/** Go up the way, to one of its names. */
export function climb(trail, place) {
  const { way } = current(trail);
  if (place === way.length - 1) return trail;
  const kept = way.slice(0, place + 1);
  const entries = [...trail.entries.slice(0, trail.at + 1), { name: kept.at(-1), way: kept }];
  return { entries, at: entries.length - 1 };
}

/** Go back (-1) or forward (1), where there is something. */
export function go(trail, by) {
  const at = trail.at + by;
  return at in trail.entries ? { ...trail, at } : trail;
}
