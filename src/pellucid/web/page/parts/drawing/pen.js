// What the drawing is drawn with: a few shapes on a canvas, in pixels of the window.

/** A pen on a canvas's context. Styles are {fill, stroke, width, dash, radius, alpha}. */
export class Pen {
  #to;
  #alpha = [1];

  constructor(context, colors) {
    this.#to = context;
    this.colors = colors;
  }

  /** Draw what `work` draws fainter by that much. */
  faded(alpha, work) {
    if (alpha <= 0.01) return;
    this.#alpha.push(this.#alpha.at(-1) * alpha);
    work();
    this.#alpha.pop();
  }

  /** How faint it is now. */
  get alpha() {
    return this.#alpha.at(-1);
  }

  /** A rectangle. */
  rect({ x, y, w, h }, style) {
    const to = this.#to;
    if (style.fill && !style.radius && !style.stroke) {
      this.#begin(style);
      to.fillStyle = style.fill;
      to.fillRect(x, y, w, h);
      return;
    }
    to.beginPath();
    if (style.radius) to.roundRect(x, y, w, h, style.radius);
    else to.rect(x, y, w, h);
    this.#end(style);
  }

  /** Lines of one style, each through its points; closed where they are filled. */
  lines(all, style) {
    const to = this.#to;
    to.beginPath();
    for (const points of all) {
      points.forEach(([x, y], at) => (at ? to.lineTo(x, y) : to.moveTo(x, y)));
      if (style.fill) to.closePath();
    }
    this.#end(style);
  }

  /** Many curves of one style: [[x, y], [cx, cy], [dx, dy], [x, y]] each. */
  curves(all, style) {
    const to = this.#to;
    to.beginPath();
    for (const [[x, y], [cx, cy], [dx, dy], [ex, ey]] of all) {
      to.moveTo(x, y);
      to.bezierCurveTo(cx, cy, dx, dy, ex, ey);
    }
    this.#end(style);
  }

  /** A circle. */
  circle(x, y, r, style) {
    this.#to.beginPath();
    this.#to.arc(x, y, r, 0, 2 * Math.PI);
    this.#end(style);
  }

  /** A picture (a canvas); turned, its rows run to the right. */
  image(picture, { x, y, w, h }, { turned = false } = {}) {
    const to = this.#to;
    to.globalAlpha = this.alpha;
    to.imageSmoothingEnabled = picture.width > w * (turned ? h / w : 1) * 1.5;
    if (!turned) return void to.drawImage(picture, x, y, w, h);
    to.save();
    to.transform(0, 1, 1, 0, x, y);
    to.drawImage(picture, 0, 0, h, w);
    to.restore();
  }

  /** Words; {size, weight, fill, code, anchor: start | middle | end, turned}. */
  text(words, x, y, { size, weight = 400, fill, code = false, anchor = "start", turned = false }) {
    const to = this.#to;
    const { colors } = this;
    to.globalAlpha = this.alpha;
    to.font = `${weight} ${size}px ${code ? colors.code : colors.text}`;
    to.textAlign = anchor === "middle" ? "center" : anchor;
    to.fillStyle = fill ?? colors.ink;
    if (!turned) return void to.fillText(words, x, y);
    to.save();
    to.translate(x, y);
    to.rotate(-Math.PI / 2);
    to.fillText(words, 0, 0);
    to.restore();
  }

  /** Draw what `work` draws within a rectangle only. */
  within({ x, y, w, h }, work) {
    const to = this.#to;
    to.save();
    to.beginPath();
    to.rect(x, y, w, h);
    to.clip();
    work();
    to.restore();
  }

  #begin({ alpha = 1 }) {
    this.#to.globalAlpha = this.alpha * alpha;
  }

  #end(style) {
    const to = this.#to;
    this.#begin(style);
    if (style.fill) {
      to.fillStyle = style.fill;
      to.fill();
    }
    if (!style.stroke) return;
    to.strokeStyle = style.stroke;
    to.lineWidth = style.width ?? 1;
    to.lineCap = style.cap ?? "butt";
    to.setLineDash(style.dash ?? []);
    to.stroke();
  }
}
