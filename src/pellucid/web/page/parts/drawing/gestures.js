// The pointer in the drawing: drag and pinch, the wheel, and a click.

const STILL = 4; // pixels that a click may slip

/**
 * Listen on an element; `to` has drag(dx, dy), zoom(factor, at), under(at, element), pick(target) of
 * what was under the pointer when it was pressed, and wheels(event): whether the wheel is ours.
 */
export function gestures(element, to) {
  const fingers = new Map();
  let slipped = 0;
  let pressed = null;
  const at = ({ clientX, clientY }) => {
    const { left, top } = element.getBoundingClientRect();
    const unit = Number(element.dataset.unit ?? 1); // pixels of the page to one of the drawing's
    return { x: (clientX - left) / unit, y: (clientY - top) / unit };
  };

  element.addEventListener("wheel", (event) => {
    if (!to.wheels(event)) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0018;
    const delta = Math.max(-240, Math.min(240, event.deltaY * lines));
    to.zoom(Math.exp(-delta * speed), at(event));
  }, { passive: false });

  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    fingers.set(event.pointerId, at(event));
    // The drawing may glide on under a finger: a click means what was there when it came down.
    pressed = to.under(at(event), event.target);
    if (fingers.size === 1) slipped = 0;
  });

  element.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    slipped += Math.abs(dx) + Math.abs(dy);
    // Only what has become a drag is held on to: a click must reach the number under it.
    if (slipped > STILL && !element.hasPointerCapture(event.pointerId)) {
      element.setPointerCapture(event.pointerId);
    }
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, now);
    if (slipped <= STILL) return;
    if (!other) return void to.drag(dx, dy);
    const apart = ({ x, y }) => Math.hypot(x - other.x, y - other.y) || 1;
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    to.drag(dx / 2, dy / 2);
    to.zoom(apart(now) / apart(before), middle);
  });

  const up = (event) => fingers.delete(event.pointerId);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  element.addEventListener("lostpointercapture", (event) => {
    // A finger is at first held by what it touched: that this loses it to us is no end.
    if (event.target === element) up(event);
  });
  element.addEventListener("click", (event) => {
    const [target, still] = [pressed ?? to.under(null, event.target), slipped <= STILL];
    pressed = null;
    // The second click of a double click would land on what the first has brought there.
    if (still && event.detail < 2) to.pick(target);
  });
}
