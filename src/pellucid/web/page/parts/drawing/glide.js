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

/** A light that goes once through what is drawn: `part` is how far it has come, null without it. */
export class Sweep {
  #time;
  #shown;
  #frame = 0;
  part = null;

  /** It takes so many milliseconds; `shown` is called in each frame. */
  constructor(time, shown) {
    this.#time = time;
    this.#shown = shown;
  }

  /** Begin, unless the reader wants no motion. */
  begin() {
    this.stop();
    if (matchMedia(STILL).matches) return;
    const began = performance.now();
    const on = (now) => {
      const part = Math.max(0, (now - began) / this.#time);
      this.part = part < 1 ? part : null;
      this.#frame = part < 1 ? requestAnimationFrame(on) : 0;
      this.#shown();
    };
    this.#frame = requestAnimationFrame(on);
  }

  /** Break it off. */
  stop() {
    cancelAnimationFrame(this.#frame);
    this.part = null;
  }
}
