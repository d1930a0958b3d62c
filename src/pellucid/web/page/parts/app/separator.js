// A line between two parts that is moved by hand, or with the arrow keys; where it stands is kept.

import { h, set } from "../../core/dom.js";
import { keep, kept } from "../../core/kept.js";

const STEP = 24; // pixels of an arrow key
const AXES = {
  width: { size: "offsetWidth", room: "clientWidth", at: "clientX", keys: ["ArrowLeft", "ArrowRight"],
    least: 200 },
  height: { size: "offsetHeight", room: "clientHeight", at: "clientY", keys: ["ArrowUp", "ArrowDown"],
    least: 80 },
};

/**
 * A separator that sets --width or --height of the part `of`, which lies before or `after` it;
 * `name` is what the part is called, `share` how much of what is around it may be taken.
 */
export function separator({ of, name, axis = "width", after = false, share = 0.6 }) {
  const { size, room, at, keys, least } = AXES[axis];
  const key = `${name} ${axis}`;
  const element = h("div", {
    class: `pel-separator pel-by-${axis}`, role: "separator", tabindex: 0,
    "aria-orientation": axis === "width" ? "vertical" : "horizontal",
    "aria-label": `${axis === "width" ? "Width" : "Height"} of the ${name}`,
    "aria-valuemin": least, "aria-valuenow": least,
  });
  const most = () => Math.max(least, (of.parentElement?.[room] ?? 0) * share);
  const towards = after ? -1 : 1;

  function said() {
    set(element, { "aria-valuenow": of[size], "aria-valuemax": Math.round(most()) });
  }

  function take(length) {
    const now = Math.round(Math.min(Math.max(least, length), most()));
    of.style.setProperty(`--${axis}`, `${now}px`);
    keep(key, String(now));
    said();
  }

  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    element.focus();
    element.setPointerCapture(event.pointerId);
    const [from, before] = [event[at], of[size]];
    const moved = (now) => take(before + towards * (now[at] - from));
    element.addEventListener("pointermove", moved);
    element.addEventListener("lostpointercapture",
      () => element.removeEventListener("pointermove", moved), { once: true });
  });
  element.addEventListener("keydown", (event) => {
    const by = { [keys[0]]: -STEP, [keys[1]]: STEP }[event.key];
    const to = { Home: least, End: most() }[event.key] ?? of[size] + towards * by;
    if (!Number.isFinite(to)) return;
    event.preventDefault();
    event.stopPropagation();
    take(to);
  });
  element.addEventListener("dblclick", () => {
    of.style.removeProperty(`--${axis}`); // as it was at first
    keep(key, "");
    said();
  });
  element.addEventListener("focus", said);
  const before = Number(kept(key));
  if (before) of.style.setProperty(`--${axis}`, `${before}px`);
  return element;
}
