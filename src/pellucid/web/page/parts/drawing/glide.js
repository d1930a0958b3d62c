// From one view to another, a frame at a time.

import { between } from "./camera.js";

const STILL = "(prefers-reduced-motion: reduce)";

/** Show the views between two, and the last; what is returned breaks it off. */
export function glide(from, to, size, time, show) {
  if (!from || matchMedia(STILL).matches) {
    show(to);
    return () => {};
  }
  const began = performance.now();
  let frame = 0;
  const on = (now) => {
    const part = Math.min(1, Math.max(0, (now - began) / time));
    const eased = part < 0.5 ? 4 * part ** 3 : 1 - (2 - 2 * part) ** 3 / 2;
    show(part < 1 ? between(from, to, eased, size) : to);
    if (part < 1) frame = requestAnimationFrame(on);
  };
  frame = requestAnimationFrame(on);
  return () => cancelAnimationFrame(frame);
}

/** Show how far a light has come, from 0 to 1 and then null; what is returned breaks it off. */
export function swept(time, show) {
  if (matchMedia(STILL).matches) return () => {};
  const began = performance.now();
  let frame = 0;
  const on = (now) => {
    const part = (now - began) / time;
    show(part < 1 ? Math.max(0, part) : null);
    if (part < 1) frame = requestAnimationFrame(on);
  };
  frame = requestAnimationFrame(on);
  return () => {
    cancelAnimationFrame(frame);
    show(null);
  };
}
