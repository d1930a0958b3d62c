// The question of an analysis: after which token of the text, which answer, and rather than which.

import { h } from "../../core/dom.js";
import { spelled } from "../pieces.js";
import { strip } from "../strip.js";

const LIKELY = 12;

/**
 * Picks a place and two tokens by pointing: {element, draw(run), asked}. `asked` is {position,
 * first, second, names}, or null while it is not known; onchange when it is another.
 */
export function question(panel, onchange) {
  const places = strip("Place in the text", (at) => ask(at));
  const first = strip("Answer", () => changed());
  const second = strip("Rather than", () => changed());
  const row = (title, one, hint) => h("div", { class: "pq-row" },
    h("h3", { class: "field-label" }, title), one.element, hint && h("p", { class: "hint" }, hint));
  const element = h("section", { class: "pq" },
    row("After", places), row("answer", first), row("rather than", second));
  let tokens = [];
  let position = -1;
  let asked = null;

  function changed() {
    const [one, other] = [tokens[first.at], tokens[second.at]];
    if (!one || !other) return;
    const names = [spelled(one.piece), spelled(other.piece)];
    asked = { position, first: one.id, second: other.id, names };
    onchange();
  }

  // The candidates after the place, what came there, and the tokens of the text.
  function ask(at) {
    const kept = asked;
    position = at;
    panel.newest("candidates", () => panel.store.call("predictions", { position, top: LIKELY }),
      ({ rows, target }) => {
        const own = panel.store.run.tokens.map(({ id, piece }) => ({ id, piece }));
        const all = [...rows, ...(target ? [target] : []), ...own];
        tokens = all.filter((one, place) => all.findIndex(({ id }) => id === one.id) === place);
        const known = (id) => tokens.findIndex((one) => one.id === id);
        const same = kept && known(kept.first) >= 0 && known(kept.second) >= 0;
        listed(first, same ? known(kept.first) : 0);
        listed(second, same ? known(kept.second) : Math.min(1, tokens.length - 1));
        changed();
      });
  }

  function listed(one, chosen) {
    one.clear();
    for (const { piece, probability } of tokens) {
      const made = one.add(piece);
      if (probability !== undefined) {
        made.append(h("small", {}, ` ${(100 * Number(probability)).toPrecision(2)} %`));
      }
    }
    one.choose(chosen);
  }

  return {
    element,
    get asked() {
      return asked;
    },
    draw(run) {
      const before = places.element.childElementCount === run.tokens.length ? position : -1;
      places.clear();
      for (const { piece } of run.tokens) places.add(piece);
      const at = before >= 0 ? before : run.tokens.length - 1;
      places.choose(at);
      ask(at);
    },
  };
}

/** The measure of two tokens' logits, as it is written: “ earth − air”. */
export function differenceOf({ names }) {
  return h("span", { class: "pq-difference" }, h("span", { class: "piece" }, names[0]), " − ",
    h("span", { class: "piece" }, names[1]));
}

/** The same as plain text. */
export function differenceText({ names }) {
  return `${names[0]} − ${names[1]}`;
}

/** A question as its answers are kept by. */
export function keyOf(store, ...parts) {
  return JSON.stringify([store.experiment.subject, store.run.text, store.experiment.actions, parts]);
}
