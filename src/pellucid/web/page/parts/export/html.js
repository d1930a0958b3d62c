// HTML as SVG: each ground and line as a rectangle, each text where it stands.

import { svg } from "../../core/dom.js";

/** What of an element is in view, as SVG elements; `inlined` copies an SVG with its styles. */
export function drawnHtml(root, inlined) {
  const { left, top, width, height } = root.getBoundingClientRect();
  const clip = { left, top, right: left + width, bottom: top + height };
  return [...drawn(root, clip, { left, top }, inlined)];
}

function* drawn(element, clip, from, inlined) {
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const hidden = style.display === "none" || style.visibility === "hidden" || tool(element);
  const closed = style.display !== "contents" && !element.checkVisibility(); // in a closed <details>
  if (hidden || closed || style.clipPath !== "none" || style.opacity === "0") return;
  if (element.localName === "svg") {
    const copy = inlined(element);
    for (const [name, value] of Object.entries(placed(box, from))) copy.setAttribute(name, value);
    if (meets(box, clip)) yield copy;
    return;
  }
  if (style.display !== "contents" && meets(box, clip)) yield* ground(style, cut(box, clip), from);
  if (!meets(box, clip) && style.display !== "contents") return;
  if (element.localName === "canvas") {
    yield svg("image", { ...placed(box, from), href: element.toDataURL() });
  } else if (element.matches("input:not([type=checkbox], [type=radio], [type=range]), textarea")) {
    yield written(element.value, box, style, from);
  }
  const inner = /auto|scroll|hidden|clip/.test(style.overflow) ? cut(box, clip) : clip;
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) yield* words(child, style, inner, from);
    else if (child.nodeType === Node.ELEMENT_NODE) yield* drawn(child, inner, from, inlined);
  }
}

// What only works in the page, as a button to close it, is no part of its picture.
function tool(element) {
  return element.matches(".pi-tools, .pi-about, .pd-toolbar, .pd-place");
}

function* ground(style, box, from) {
  const fill = style.backgroundColor;
  const line = parseFloat(style.borderTopWidth) && style.borderTopStyle !== "none";
  const clear = /, 0\)$|\/ 0\)$|^transparent$/.test(fill);
  if (clear && !line) return;
  const stroke = line ? style.borderTopColor : "none";
  const radius = parseFloat(style.borderTopLeftRadius) || 0;
  yield svg("rect", { ...placed(box, from), rx: radius, fill: clear ? "none" : fill, stroke });
}

function* words(node, style, clip, from) {
  if (!node.data.trim()) return;
  for (const { text, box } of lines(node)) {
    const { left, right, top, bottom } = box;
    const middle = { left: left + 1, right: right - 1, top: top + 2, bottom: bottom - 2 };
    if (!text.trim() || !meets(middle, clip)) continue;
    const size = parseFloat(style.fontSize);
    const made = svg("text", {
      x: box.left - from.left,
      y: (box.top + box.bottom) / 2 - from.top + size * 0.35,
      fill: style.color,
      "font-family": style.fontFamily,
      "font-size": size,
      "font-weight": style.fontWeight,
      "font-style": style.fontStyle,
      "xml:space": "preserve",
    });
    made.textContent = text;
    yield made;
  }
}

// What stands in a field, as far as one line of it has room.
function written(text, box, style, from) {
  const size = parseFloat(style.fontSize);
  return svg("text", { x: box.left - from.left + size / 2, y: box.top - from.top + 1.6 * size,
    fill: style.color, "font-family": style.fontFamily, "font-size": size }, text.slice(0, 200));
}

// A text node, line by line: where the next letter stands lower, a line begins.
function lines(node) {
  const range = document.createRange();
  const found = [];
  for (let at = 0; at < node.data.length; at += 1) {
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    const box = range.getBoundingClientRect();
    if (!box.width && !box.height) continue;
    const last = found.at(-1);
    if (last && Math.abs(last.box.top - box.top) < 3) {
      last.text += node.data[at];
      last.box = { ...last.box, right: box.right };
    } else {
      const { left, right, top, bottom } = box;
      found.push({ text: node.data[at].trimStart(), box: { left, right, top, bottom } });
    }
  }
  return found;
}

function placed({ left, top, right, bottom }, from) {
  return { x: left - from.left, y: top - from.top, width: right - left, height: bottom - top };
}

function cut(a, b) {
  return {
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  };
}

function meets(a, b) {
  return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
}
