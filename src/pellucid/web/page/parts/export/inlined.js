// An SVG element as it is seen, without the page's style sheets.

const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity",
  "stroke-dasharray", "opacity", "font-family", "font-size", "font-weight", "font-style",
  "text-anchor", "dominant-baseline", "stroke-linejoin", "stroke-linecap", "image-rendering",
  "white-space", "letter-spacing", "font-variant-numeric", "paint-order", "visibility"];

/** An SVG element's copy with its styles written at each of its elements. */
export function inlined(element) {
  const copy = element.cloneNode(true);
  const from = [element, ...element.querySelectorAll("*")];
  const unseen = [];
  [copy, ...copy.querySelectorAll("*")].forEach((one, at) => {
    const style = getComputedStyle(from[at]);
    if (style.display === "none") unseen.push(one);
    for (const name of STYLES) {
      const value = style.getPropertyValue(name);
      if (value) one.setAttribute(name === "white-space" ? "xml:space" : name, plain(name, value));
    }
    for (const name of ["class", "style", "tabindex", "role"]) one.removeAttribute(name);
  });
  for (const one of unseen) if (one !== copy) one.remove();
  return copy;
}

function plain(name, value) {
  if (name === "white-space") return value.startsWith("pre") ? "preserve" : "default";
  return value;
}
