// At the end of the stream: the likeliest next tokens as bars.

import { spelled } from "../pieces.js";
import { cut, LEAST, widthOf } from "./words.js";

/** The bars in a box; `next` is {asks, after, tokens: [{id, text, p, name}]}, or null while it is on
 * its way. */
export function chartDrawn(item, at, to) {
  const { pen, state, size: window } = to;
  const { colors } = pen;
  const k = at.w / item.w;
  const title = item.strip * k;
  pen.rect(at, { fill: colors.card, stroke: colors.edge, radius: 4 });
  const size = Math.max(LEAST, Math.min(20, title * 0.68));
  if (state.next && title >= LEAST) {
    const { asks, after } = state.next;
    const words = cut(`${asks} “${spelled(after)}”`, at.w - size * 1.4, size) || asks;
    pen.text(words, at.x + size * 0.7, at.y + title * 0.5 + size * 0.42, { size, weight: 650 });
  }
  const rows = state.next?.tokens.slice(0, item.rows) ?? [];
  const [x, w] = [at.x + title * 0.5, at.w - title];
  const high = (at.h - title * 1.5) / item.rows;
  const words = Math.min(24, high * 0.66);
  const legible = words >= LEAST - 0.6;
  const most = Math.max(...rows.map(({ p }) => p), 1e-9);
  const names = legible ? w * 0.42 : 0;
  const shares = legible ? widthOf("100 %", Math.max(LEAST, words)) + 6 : 0;
  rows.forEach(({ text, p, name }, place) => {
    const y = at.y + title * 1.2 + place * high;
    if (y > window.h || y + high < 0) return;
    const long = (w - names - shares) * (p / most);
    const bar = { x: x + names, y: y + high * 0.16, w: Math.max(1, long), h: high * 0.68 };
    pen.rect(bar, { fill: colors.stream, alpha: place ? 0.65 : 1 });
    if (name) {
      const box = { x, y, w, h: high };
      to.number({ key: item.key, name, at: box, place: [place, 0], said: `${name} = ${p}` });
    }
    if (!legible) return;
    const own = Math.max(LEAST, words);
    const base = y + high / 2 + own * 0.35;
    const weight = place ? 400 : 650;
    pen.text(cut(spelled(text), names - 8, own), x, base, { size: own, weight });
    pen.text(percent(p), bar.x + bar.w + 5, base, { size: own, weight });
  });
}

/** A probability in percent, in as few digits as say something. */
export function percent(p) {
  const share = Number(p) * 100;
  if (share > 0 && share < 0.1) return "<0.1 %";
  return `${share < 10 ? share.toFixed(1) : share.toFixed(0)} %`;
}
