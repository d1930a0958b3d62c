// The keyboard in the drawing: from box to box, in and out, and among numbers.

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** The keys in words. */
export const KEYS = "The model as one drawing. Enter goes into a box, Escape out of it, the arrow " +
  "keys to the boxes beside it, plus and minus zoom, 0 shows all.";

/** What a key does; `to` has enter, leave, sibling, zoom, fit, why, back and number. */
export function keyed(event, to) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const number = event.target.closest(".pd-number");
  if (acted(event.key, number, to)) {
    event.preventDefault();
    event.stopPropagation();
  }
}

function acted(key, number, to) {
  if (key === "Enter" || key === " ") return number ? to.why(number) : to.enter();
  if (key === "Escape" || key === "Backspace") return number ? to.back(number) : to.leave();
  if (key === "+" || key === "=") return to.zoom(1.5);
  if (key === "-" || key === "_") return to.zoom(1 / 1.5);
  if (key === "0") return to.fit();
  if (number && STEPS[key]) {
    const along = key === "ArrowRight" || key === "ArrowLeft";
    return to.number(number, along ? 0 : STEPS[key], along ? STEPS[key] : 0);
  }
  return STEPS[key] ? to.sibling(STEPS[key]) : false;
}

/** The item beside one in its box; itself at the ends. */
export function siblingOf(item, step) {
  const all = item.parent?.children ?? [item];
  return all[Math.min(Math.max(all.indexOf(item) + step, 0), all.length - 1)];
}

/** All items of a world by their keys. */
export function indexed(world) {
  const known = new Map();
  const visit = (item) => {
    known.set(item.key, item);
    item.children.forEach(visit);
  };
  visit(world);
  return known;
}
