// Where one looks in the drawing's world: {x, y, k} is its left upper corner, and pixels a unit.

const MARGIN = 0.04;

/** The view on all of a box, in the middle, in a window of that size; `top` pixels of it stay free. */
export function fitting({ x, y, w, h }, size, most = Infinity, top = 0) {
  const room = 1 - 2 * MARGIN;
  const k = Math.min((size.w * room) / w, ((size.h - top) * room) / h, most);
  return { x: x + w / 2 - size.w / 2 / k, y: y + h / 2 - (size.h + top) / 2 / k, k };
}

/** The view after growing by a factor about a point of the window. */
export function zoomed({ x, y, k }, factor, at, { least, most }) {
  const next = Math.min(Math.max(k * factor, least), most);
  return { x: x + at.x / k - at.x / next, y: y + at.y / k - at.y / next, k: next };
}

/** The view after a drag by so many pixels. */
export function dragged({ x, y, k }, dx, dy) {
  return { x: x - dx / k, y: y - dy / k, k };
}

/** The view held so that some of the world always stays in the window. */
export function held({ x, y, k }, world, size) {
  const room = { w: size.w / k, h: size.h / k };
  const [dx, dy] = [room.w * 0.3, room.h * 0.3];
  return {
    x: Math.min(Math.max(x, -room.w + dx), world.w - dx),
    y: Math.min(Math.max(y, -room.h + dy), world.h - dy),
    k,
  };
}

/** The view a part of the way from one to another: what is between is seen at an even pace. */
export function between(from, to, part, size) {
  const k = from.k * (to.k / from.k) ** part;
  // The middles move by how far the zoom has come, so that both arrive together.
  const turn = Math.abs(to.k / from.k - 1) < 1e-3
    ? part
    : (1 / k - 1 / from.k) / (1 / to.k - 1 / from.k);
  const middle = (view) => [view.x + size.w / 2 / view.k, view.y + size.h / 2 / view.k];
  const [[fx, fy], [tx, ty]] = [middle(from), middle(to)];
  const [cx, cy] = [fx + (tx - fx) * turn, fy + (ty - fy) * turn];
  return { x: cx - size.w / 2 / k, y: cy - size.h / 2 / k, k };
}

/** A box of the world in pixels of the window. */
export function onScreen({ x, y, w, h }, view) {
  return { x: (x - view.x) * view.k, y: (y - view.y) * view.k, w: w * view.k, h: h * view.k };
}

/** Whether two boxes of pixels meet. */
export function meets(a, size) {
  return a.x < size.w && a.y < size.h && a.x + a.w > 0 && a.y + a.h > 0;
}
