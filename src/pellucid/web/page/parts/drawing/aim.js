// What a pointer means, and how near one may come.

const NUMBER = { w: 58, h: 20 }; // pixels
const AROUND = 0.12; // of the smaller side of what is looked at together
const NAMES = 0.1; // of a box's width

/** The innermost of a frame's targets at a point: {number}, {item}, or neither on empty ground. */
export function targetAt({ targets, numbers }, point) {
  const on = ({ at: { x, y, w, h } }) =>
    point.x >= x && point.x < x + w && point.y >= y && point.y < y + h;
  const number = numbers.findLast(on);
  if (number) return { number };
  const there = targets.filter(on);
  const large = there.findLast(({ hit }) => hit) ?? there[0];
  return { item: large?.item };
}

/** What the window is fitted to for an item: beside what stands in the lanes, their names too. */
export function boxOf(item) {
  if (item.around) return around(item.around);
  const lanes = item.spine !== undefined && item.kind !== "next" && !item.tensor;
  const names = lanes ? item.w * NAMES : 0;
  return { x: item.x - names, y: item.y, w: item.w + names, h: item.h };
}

// What holds some items, with a little around them.
function around(items) {
  const [x, y] = [Math.min(...items.map((one) => one.x)), Math.min(...items.map((one) => one.y))];
  const w = Math.max(...items.map((one) => one.x + one.w)) - x;
  const h = Math.max(...items.map((one) => one.y + one.h)) - y;
  const edge = AROUND * Math.min(w, h);
  return { x: x - edge, y: y - edge, w: w + 2 * edge, h: h + 2 * edge };
}

/** The largest scale that is of use: at which the smallest cell has room for large digits. */
export function mostScale(world) {
  let most = 40;
  const visit = (item) => {
    for (const one of item.pictures ?? []) {
      most = Math.max(most, 220 / Math.max(one.w / one.columns, (one.h / one.rows) * 0.5));
    }
    item.children.forEach(visit);
  };
  visit(world);
  return most;
}

/** How much nearer the numbers of a tensor have room. */
export function toNumbers({ pictures: [one] }, { k }) {
  const [wide, high] = [one.w / one.columns, one.h / one.rows];
  return Math.max(1.5, Math.max(NUMBER.w / wide, NUMBER.h / high) / k);
}
