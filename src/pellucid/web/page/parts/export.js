// What is in view as an SVG that stands alone, its numbers text; and as a PNG.

import { svg } from "../core/dom.js";
import { drawnHtml } from "./export/html.js";

const STYLES = ["fill", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity",
  "font-family", "font-size", "font-weight", "font-style", "text-anchor", "stroke-linejoin",
  "image-rendering", "white-space", "letter-spacing", "font-variant-numeric"];
const SHARP = 2; // pixels of a PNG to a pixel of the page

/** What a view shows as an SVG file: the drawing where there is one, else all that is in view. */
export async function asSvg(view) {
  const { text } = pictureOf(view);
  return new Blob([text], { type: "image/svg+xml" });
}

/** The same as a PNG file. */
export async function asPng(view) {
  const { text, width, height } = pictureOf(view);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: width * SHARP, height: height * SHARP });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** An SVG element's copy with its styles written at each of its elements. */
export function inlined(element) {
  const copy = element.cloneNode(true);
  const from = [element, ...element.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((one, at) => {
    const style = getComputedStyle(from[at]);
    for (const name of STYLES) {
      const value = style.getPropertyValue(name);
      if (value) one.setAttribute(name === "white-space" ? "xml:space" : name, plain(name, value));
    }
    for (const name of ["class", "style", "tabindex", "role"]) one.removeAttribute(name);
  });
  return copy;
}

function plain(name, value) {
  if (name === "white-space") return value.startsWith("pre") ? "preserve" : "default";
  return value;
}

function pictureOf(view) {
  const drawing = view.querySelector("pel-drawing:not([hidden])");
  const { width, height } = (drawing?.querySelector(".pd-window") ?? view).getBoundingClientRect();
  const shown = getComputedStyle(view.closest(".pellucid"));
  const size = { width: Math.round(width), height: Math.round(height) };
  const made = svg("svg", { ...size, viewBox: `0 0 ${size.width} ${size.height}` });
  made.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  made.append(svg("rect", { ...size, fill: shown.backgroundColor }));
  if (drawing) made.append(drawing.picture.svg);
  else made.append(...drawnHtml(view, inlined));
  return { text: new XMLSerializer().serializeToString(made), ...size };
}
