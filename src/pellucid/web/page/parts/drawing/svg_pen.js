// The same pen for a file: what the drawing shows as an SVG that stands alone.

import { svg } from "../../core/dom.js";

/** A pen whose shapes are elements of `root`; the same methods as Pen. */
export class SvgPen {
  #at;
  #alpha = [1];
  #clips = 0;

  constructor(root, colors) {
    this.#at = root;
    this.colors = colors;
  }

  faded(alpha, work) {
    if (alpha <= 0.01) return;
    this.#alpha.push(this.#alpha.at(-1) * alpha);
    work();
    this.#alpha.pop();
  }

  get alpha() {
    return this.#alpha.at(-1);
  }

  rect({ x, y, w, h }, style) {
    const size = { x: r(x), y: r(y), width: r(Math.max(0, w)), height: r(Math.max(0, h)) };
    this.#add("rect", { ...size, rx: style.radius }, style);
  }

  lines(all, style) {
    const end = style.fill ? "Z" : "";
    const d = all.map((points) =>
      `M${points.map(([x, y]) => `${r(x)} ${r(y)}`).join("L")}${end}`).join("");
    this.#add("path", { d }, style);
  }

  curves(all, style) {
    const d = all.map(([from, ...to]) =>
      `M${from.map(r).join(" ")}C${to.flat().map(r).join(" ")}`).join("");
    this.#add("path", { d }, style);
  }

  circle(cx, cy, radius, style) {
    this.#add("circle", { cx: r(cx), cy: r(cy), r: r(radius) }, style);
  }

  image(picture, { x, y, w, h }, { turned = false } = {}) {
    const size = turned ? { width: r(h), height: r(w) } : { x: r(x), y: r(y), width: r(w), height: r(h) };
    const transform = turned ? `matrix(0 1 1 0 ${r(x)} ${r(y)})` : null;
    this.#add("image", { ...size, transform, href: picture.toDataURL(), opacity: this.alpha,
      preserveAspectRatio: "none", "image-rendering": "pixelated" }, null);
  }

  text(words, x, y, { size, weight = 400, fill, code = false, anchor = "start", turned = false }) {
    const { colors } = this;
    const made = svg("text", {
      x: r(x), y: r(y), fill: fill ?? colors.ink, opacity: this.alpha, "font-size": r(size),
      "font-weight": weight, "font-family": code ? colors.code : colors.text,
      "text-anchor": anchor, transform: turned ? `rotate(-90 ${r(x)} ${r(y)})` : null,
      "xml:space": "preserve",
    }, words);
    this.#at.append(made);
  }

  within(box, work) {
    const id = `clip-${this.#clips++}`;
    const { x, y, w, h } = box;
    const group = svg("g", { "clip-path": `url(#${id})` },
      svg("clipPath", { id }, svg("rect", { x, y, width: w, height: h })));
    this.#at.append(group);
    const before = this.#at;
    this.#at = group;
    work();
    this.#at = before;
  }

  #add(tag, attributes, style) {
    const drawn = style && {
      fill: style.fill ?? "none", stroke: style.stroke,
      "stroke-width": style.stroke ? (style.width ?? 1) : null,
      "stroke-dasharray": style.dash?.join(" "), "stroke-linecap": style.cap,
      opacity: this.alpha * (style.alpha ?? 1),
    };
    this.#at.append(svg(tag, { ...attributes, ...drawn }));
  }
}

function r(value) {
  return Math.round(value * 100) / 100;
}
