// One token of a generation: the candidates side by side on [0, 1), and the number that was drawn.

import { h } from "../core/dom.js";
import { bar, share, token } from "./pieces.js";

const WIDE = 0.07; // a share that has room for its token's text

/** All about how one token was chosen; `event` is the server's. */
export function drawing(event) {
  return [line(event), says(event), candidateTable(event)];
}

function line(event) {
  const at = (place) => `${place * 100}%`;
  const pieces = event.candidates.map(({ id, piece, from, to }) => {
    const style = { "inset-inline-start": at(from), "inline-size": at(to - from) };
    const kind = id === event.token ? "segment drawn" : "segment";
    return h("span", { class: kind, style }, to - from > WIDE && token(piece));
  });
  const mark = event.u === null ? null : h("span", {
    class: event.u > 0.5 ? "u left" : "u", style: { "inset-inline-start": at(event.u) },
  }, h("span", {}, `u = ${event.u.toFixed(6)}`));
  return h("div", { class: "unit", "aria-hidden": "true" },
    h("div", { class: "unit-line" }, pieces, mark),
    h("div", { class: "unit-ends" }, h("span", {}, "0"), h("span", {}, "1")));
}

function says(event) {
  const chosen = event.candidates.find(({ id }) => id === event.token);
  const name = token(event.piece);
  if (event.u === null) {
    return h("p", {}, "The likeliest is taken: ", name, `, p = ${share(chosen.probability)}.`);
  }
  return h("p", {}, "The random number u = ", h("b", {}, String(event.u)), " falls on ", name,
    `, from ${chosen.from.toFixed(6)} to ${chosen.to.toFixed(6)}.`);
}

function candidateTable(event) {
  const rows = event.candidates.map(({ id, piece, probability, from, to }, at) => {
    const drawn = id === event.token;
    const skipped = at > 0 && from - event.candidates[at - 1].to > 1e-9;
    return [
      skipped && between(event.candidates[at - 1].to, from),
      h("tr", { class: drawn ? "drawn" : null },
        h("th", { scope: "row" }, token(piece), drawn && h("span", { class: "unseen" }, "drawn")),
        h("td", { class: "value" }, String(id)),
        h("td", { class: "value", title: String(probability) }, share(probability)),
        h("td", { class: "bars" }, bar(probability)),
        h("td", { class: "value from", title: `${from} to ${to}` }, from.toFixed(4))),
    ];
  });
  const shown = event.candidates.reduce((sum, { probability }) => sum + probability, 0);
  const heads = ["token", "id", "p", "", "from"];
  return h("table", { class: "list candidates" },
    h("caption", { class: "unseen" }, "Candidates, the likeliest first"),
    h("thead", {}, h("tr", {}, heads.map((one, at) => {
      return one ? h("th", { scope: "col", class: at ? "value" : null }, one) : h("td", {});
    }))),
    h("tbody", {}, rows),
    event.more > 0 && h("tfoot", {}, h("tr", {}, h("td", { colspan: 5, class: "hint" },
      `${event.more.toLocaleString("en-US")} others, together p = ` +
        share(Math.max(0, 1 - shown))))));
}

function between(from, to) {
  return h("tr", {}, h("td", { colspan: 5, class: "hint" }, `… others, p = ${share(to - from)}`));
}

/** The logit lens of that place: what each layer would have said, and how it held what came. */
export function lensOfDraw(event) {
  return h("table", { class: "list lens" },
    h("caption", {}, "What each layer would have said"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "layer"),
      h("th", { scope: "col" }, "likeliest"), h("th", { scope: "col", class: "value" }, "p"),
      h("th", { scope: "col", class: "value" }, "p of ", token(event.piece)))),
    h("tbody", {}, event.lens.map(({ name, piece, id, probability, chosen }) => {
      const same = id === event.token;
      return h("tr", { class: same ? "drawn" : null },
        h("th", { scope: "row" }, h("code", {}, name)),
        h("td", {}, token(piece)),
        h("td", { class: "value", title: String(probability) }, share(probability)),
        h("td", { class: "value", title: String(chosen ?? "") },
          chosen === undefined ? (same ? share(probability) : "–") : share(chosen)));
    })));
}
