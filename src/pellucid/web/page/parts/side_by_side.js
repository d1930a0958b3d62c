// Two runs side by side: facts, tokens with losses, predictions, a tensor, norms.

import { h } from "../core/dom.js";
import { count, shapeText, written } from "../core/numbers.js";
import { bar, nats, number, share, short, token } from "./pieces.js";
import { aligned } from "./compare/alignment.js";
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
        return layers ? `${layers} × ${heads} heads, width ${width}` : "no blocks";
      })),
      row("parameters", model(({ parameters }) => count(parameters))),
      row("tokens", ({ tokens }) => count(tokens.length)),
      row("loss a character", perCharacter),
      row("loss", ({ loss }) => (loss === null ? "–" : h("span", { title: String(loss) },
        nats(loss))))));
}

// Models with other tokenizers are compared by what a character cost: nats of all that was guessed.
function perCharacter(run) {
  const known = run.losses.map(Number).filter((one, at) => Number.isFinite(one)
    && run.losses[at] !== null && run.targets[at]);
  const letters = run.targets.filter((one, at) => one && run.losses[at] !== null)
    .reduce((sum, { piece }) => sum + piece.length, 0);
  if (!known.length || !letters) return "–";
  const each = known.reduce((sum, one) => sum + one, 0) / letters;
  return h("span", { title: String(each) }, nats(each));
}

/** How both texts are read, and how wrong each guess of a token was; `own` marks what is theirs. */
export function pairedLosses(one, other, own = (cell) => cell) {
  if (!one.tokens.length || !other.tokens.length) {
    return h("p", { class: "hint" }, "One of them reads no text.");
  }
  const parts = aligned(one.tokens, other.tokens);
  const changes = parts.map(({ mine, theirs }) => lossOf(other, theirs) - lossOf(one, mine));
  const most = Math.max(...changes.map(Math.abs).filter(Number.isFinite), 1e-9);
  const heads = ["place", "this run", "its loss", "loss beside it", "beside it", "change"];
  return h("div", { class: "scrolls", tabindex: 0, role: "group", "aria-label": "Tokens" },
    h("table", { class: "list aligned" },
      h("caption", { class: "unseen" }, "Tokens of both, and how wrong the guess of each was"),
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col",
        class: head.includes("loss") ? "value" : null }, head)))),
      h("tbody", {}, parts.map(({ mine, theirs, kind }, at) => h("tr", { class: kind },
        h("th", { scope: "row" }, placeText(mine)),
        h("td", {}, pieces(one, mine), kind !== "same" && h("span", { class: "unseen" }, SAID[kind])),
        h("td", { class: "value" }, losses(one, mine)),
        own(h("td", { class: "value" }, losses(other, theirs))),
        h("td", {}, pieces(other, theirs)),
        h("td", { class: "bars" }, Number.isFinite(changes[at]) && changed(changes[at], most)))))));
}

const SAID = { split: " (the same text in other tokens)", differs: " (another text)" };

function placeText([from, to]) {
  return to <= from ? "" : to - from === 1 ? String(from) : `${from}–${to - 1}`;
}

function pieces({ tokens }, [from, to]) {
  return h("span", { class: "pieces" }, tokens.slice(from, to).map(({ piece }) => token(piece)));
}

// A token's loss is that of the guess at the place before it; a part's is the sum of its tokens'.
function places(run, [from, to]) {
  const all = Array.from({ length: to - from }, (_, at) => from + at - 1);
  return all.filter((at) => (run.losses[at] ?? null) !== null);
}

function lossOf(run, range) {
  const known = places(run, range);
  return known.length ? known.reduce((sum, at) => sum + Number(run.losses[at]), 0) : NaN;
}

function losses(run, range) {
  const known = places(run, range);
  if (!known.length) return "–";
  return known.map((at, place) => [place > 0 && " + ",
    number(`losses[${at}]`, nats(run.losses[at]), run.losses[at])]);
}

function changed(change, most) {
  const width = `${Math.min(1, Math.abs(change) / most) * 50}%`;
  const text = `${change > 0 ? "+" : ""}${written(change.toFixed(3))}`;
  return h("span", { class: `signed ${change < 0 ? "less" : "more"}`, title: text },
    h("span", { style: { width } }), h("span", { class: "unseen" }, text));
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
