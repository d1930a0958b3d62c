// Two runs side by side: facts, tokens with losses, predictions, a tensor, norms.

import { h } from "../core/dom.js";
import { count, shapeText, written } from "../core/numbers.js";
import { bar, nats, number, share, short, token } from "./pieces.js";
import { byName, tensorTable } from "./tensors.js";

/** How many predictions are asked for, so that few of those shown of one run lack in the other. */
export const ASKED = 50;

const SHOWN = 8;

/** What the two runs are, in a few rows. */
export function facts(one, other) {
  const row = (name, of) => h("tr", {}, h("th", { scope: "row" }, name),
    [one, other].map((run) => h("td", {}, of(run))));
  const model = (of) => (run) => (run.model ? of(run.model) : "–");
  return h("table", { class: "list facts-table" },
    h("caption", { class: "unseen" }, "The two runs"),
    h("thead", {}, h("tr", {}, h("td", {}), h("th", { scope: "col" }, "This run"),
      h("th", { scope: "col" }, "Beside it"))),
    h("tbody", {},
      row("run", ({ title }) => title),
      row("model", model(({ layers, heads, width }) => {
        return `${layers} × ${heads} heads, width ${width}`;
      })),
      row("parameters", model(({ parameters }) => count(parameters))),
      row("tokens", ({ tokens }) => count(tokens.length)),
      row("loss", ({ loss }) => (loss === null ? "–" : h("span", { title: String(loss) },
        nats(loss))))));
}

/** The tokens of a run with the loss of what came next. */
export function tokenLosses(run) {
  if (!run.tokens.length) return h("p", { class: "hint" }, run.about || "It reads no text.");
  const known = run.losses.filter((one) => typeof one === "number");
  const most = Math.max(...known, 1e-9);
  const rows = run.tokens.map((one, place) => {
    const loss = run.losses[place];
    const there = loss !== null && loss !== undefined;
    return h("tr", {},
      h("th", { scope: "row" }, String(place)),
      h("td", {}, token(one.piece)),
      h("td", { class: "value" }, there ? number(`losses[${place}]`, nats(loss), loss) : "–"),
      h("td", { class: "bars" }, there && bar(loss / most)));
  });
  return h("div", { class: "scrolls", tabindex: 0, role: "group", "aria-label": "Tokens" },
    h("table", { class: "list" },
      h("caption", { class: "unseen" }, "Tokens, and the loss of what comes after each"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "place"), h("th", { scope: "col" },
        "token"), h("th", { scope: "col", class: "value" }, "loss of the next"), h("td", {}))),
      h("tbody", {}, rows)));
}

/** Likeliest next tokens of both; the same text of a token is one row. */
export function predictionPairs(mine, theirs) {
  const find = (rows, piece) => rows.find((row) => row.piece === piece);
  const first = [...mine.rows.slice(0, SHOWN), ...theirs.rows.slice(0, SHOWN)];
  const pieces = [...new Set(first.map(({ piece }) => piece))];
  const heads = ["token", "this run", "beside it"];
  return h("table", { class: "list pairs" },
    h("caption", { class: "unseen" }, "Likeliest next tokens"),
    h("thead", {}, h("tr", {}, heads.map((one, at) => {
      return h("th", { scope: "col", class: at ? "value" : null }, one);
    }), h("td", {}))),
    h("tbody", {}, pieces.map((piece) => {
      const [here, there] = [find(mine.rows, piece), find(theirs.rows, piece)];
      return h("tr", {},
        h("th", { scope: "row" }, token(piece)),
        h("td", { class: "value" }, here
          ? number(here.name, share(here.probability), here.probability) : "–"),
        h("td", { class: "value", title: there ? String(there.probability) : null },
          there ? share(there.probability) : "–"),
        h("td", { class: "bars" }, bar(here?.probability, "now"), bar(there?.probability, "then")));
    })));
}

/** A tensor of both runs, and where the shapes agree how it changed; null for none. */
export function tensorPair(store, other, name) {
  const [mine, theirs] = [store, other].map(({ run }) => byName(run.outline).get(name));
  if (!mine || !theirs) return null;
  const same = String(mine.shape) === String(theirs.shape);
  const side = (title, table, attributes = {}) => h("section", { class: "tensor", ...attributes },
    h("h4", {}, title, " ", h("span", { class: "shape" }, shapeText(table.tensor.shape))), table);
  const change = same && tensorTable(store, mine, other.experiment);
  return h("div", { class: "tensors" },
    side("This run", tensorTable(store, mine)),
    side("Beside it", tensorTable(other, { ...theirs, editable: false }), { "data-other": "" }),
    same
      ? side("Change, from beside it to this run", change)
      : h("p", { class: "hint" }, "The shapes differ: there is no difference to show."));
}

/** Norms of the parameters of both. */
export function normPairs(mine, theirs) {
  const beside = new Map(theirs.rows.map((row) => [row.name, row]));
  const names = [...new Set([...mine.rows, ...theirs.rows].map(({ name }) => name))];
  const here = new Map(mine.rows.map((row) => [row.name, row]));
  const heads = ["parameter", "‖w‖", "beside", "‖dw‖", "beside"];
  const cell = (row, key) => h("td", { class: "value", title: String(row?.[key] ?? "") },
    row && row[key] !== null ? written(short(row[key])) : "–");
  return h("table", { class: "list" },
    h("caption", { class: "unseen" }, "Norms of the parameters and of their gradients"),
    h("thead", {}, h("tr", {}, heads.map((one, at) => {
      return h("th", { scope: "col", class: at ? "value" : null }, one);
    }))),
    h("tbody", {}, names.map((name) => {
      const [one, two] = [here.get(name), beside.get(name)];
      return h("tr", {}, h("th", { scope: "row" }, h("code", {}, name)),
        cell(one, "value"), cell(two, "value"), cell(one, "gradient"), cell(two, "gradient"));
    })));
}
