// The loss of each next token, before and now.

import { h } from "../core/dom.js";
import { bar, nats, number, token } from "./pieces.js";

/** A table: what was read, what came next, its loss before and now. */
export function losses(run, before) {
  const all = [...before, ...run.losses].filter((one) => typeof one === "number");
  const most = Math.max(...all, 1e-9);
  const rows = run.tokens.flatMap((one, place) => {
    const target = run.targets[place];
    return target ? [row(run, place, before[place], most, { one, target })] : [];
  });
  const heads = ["place", "after", "comes", "before", "now", "change"];
  return h("table", { class: "list" },
    h("caption", { class: "unseen" }, "Loss of each next token, in nats"),
    h("thead", {}, h("tr", {}, heads.map((one, at) => {
      return h("th", { scope: "col", class: at > 2 ? "value" : null }, one);
    }), h("td", {}))),
    h("tbody", {}, rows));
}

function row(run, place, before, most, { one, target }) {
  const now = run.losses[place];
  const change = now - before;
  return h("tr", {},
    h("th", { scope: "row" }, String(place)),
    h("td", {}, token(one.piece)),
    h("td", {}, token(target.piece)),
    h("td", { class: "value" }, nats(before)),
    h("td", { class: "value" }, number(`losses[${place}]`, nats(now), now)),
    h("td", { class: "value", title: String(change) },
      change === 0 ? "–" : `${change > 0 ? "+" : ""}${nats(change)}`),
    h("td", { class: "bars" }, bar(before / most, "then"), bar(now / most, "now")));
}
