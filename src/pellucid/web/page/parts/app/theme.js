// Light, dark, or as the system has it: kept for the next visit.

import { keep, kept } from "../../core/kept.js";

const KEY = "theme";
const ORDER = ["auto", "light", "dark"];

const roots = new Set();

/** The page's theme; a notebook has several pages in one. */
export const theme = {
  now: "auto",

  /** Take up, in this root too, what was chosen the last time. */
  begin(root) {
    roots.add(root);
    this.set(kept(KEY) ?? "auto");
  },

  /** This root is no more. */
  end(root) {
    roots.delete(root);
  },

  /** Choose one, or with no name the next. */
  set(name = ORDER[(ORDER.indexOf(this.now) + 1) % ORDER.length]) {
    this.now = ORDER.includes(name) ? name : "auto";
    for (const root of roots) {
      if (this.now === "auto") delete root.dataset.theme;
      else root.dataset.theme = this.now;
    }
    keep(KEY, this.now);
    window.dispatchEvent(new Event("pel-theme"));
    return this.now;
  },
};
