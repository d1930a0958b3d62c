// Icons, as strokes on a square of 16.

import { svg } from "../core/dom.js";

const STROKES = {
  undo: "M5.5 3 2.5 6l3 3M2.5 6h7a4 4 0 0 1 0 8H7",
  redo: "M10.5 3l3 3-3 3M13.5 6h-7a4 4 0 0 0 0 8H9",
  share: "M8 10V2m0 0L5 5m3-3 3 3M3 8.5V13.5h10V8.5",
  auto: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 1 1 0 12",
  light: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.4 1.4M11.6 11.6 13 13" +
    "M13 3l-1.4 1.4M4.4 11.6 3 13",
  dark: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z",
  close: "M3.5 3.5l9 9m0-9-9 9",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  sliders: "M2.5 4.5h6M12 4.5h1.5M2.5 11.5H4M7.5 11.5h6M10.2 3v3M5.8 10v3",
  dock: "M2.5 3h11v10h-11zM9.5 3v10",
  tree: "M2.5 3.5h5M5.5 8h8M5.5 12.5h8M3 3.5v9h2.5M3 8h2.5",
  reset: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
};

/** An icon by its name; the button around it says what it does. */
export function icon(name) {
  const path = svg("path", { d: STROKES[name], fill: "none", stroke: "currentColor" });
  path.setAttribute("stroke-width", "1.5");
  path.setAttribute("stroke-linecap", "round");
  path.setAttribute("stroke-linejoin", "round");
  return svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, path);
}
