// What edits did: to the loss, to what comes next, to every tensor, and to their gradients.

import { h, say } from "../core/dom.js";
import { bar, nats, number, share, short, token } from "./pieces.js";
import { byName } from "./tensors.js";

const SHOWN = 8;
const FEW = 12; // tensors of a list before one asks for all

/** All of an answer of `effect`. */
export function effectView(answer, run) {
  const roots = rootsOf(run);
  const isGradient = ({ name }) => name[0] === "d" && roots.has(root(name.slice(1)));
  const [back, forth] = split(answer.tensors, isGradient);
  return [
    loss(answer),
    h("div", { class: "columns even" },
      h("section", {}, h("h4", {}, "What comes next"), paired(answer.predictions)),
      h("section", {},
        tensorList("Values that moved most", forth),
        tensorList("Gradients that moved most", back))),
  ];
}

// A gradient is named after its value, and that may stand under another name: its root does not.
function rootsOf(run) {
  return new Set((run.names ?? [...byName(run.outline).keys(), ...run.parameters]).map(root));
}

function root(name) {
  return name.split(".", 1)[0];
}

function split(all, test) {
  return [all.filter(test), all.filter((one) => !test(one))];
}

function loss({ loss: [before, after], kl }) {
  const moved = after - before;
  const entry = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h("dl", { class: "facts" }, after !== null && [
    entry("loss before", h("span", { title: String(before) }, nats(before))),
    entry("loss now", number("loss", nats(after), after)),
    entry("change", h("span", { title: String(moved) }, `${moved > 0 ? "+" : ""}${nats(moved)}`))],
    entry("KL of the last prediction", h("span", { title: String(kl) }, `${short(kl)} nats`)));
}

/** Predictions before and after, a pair of bars for each token. */
export function paired({ before, after }, names = ["before", "now"]) {
  const first = [...after.slice(0, SHOWN), ...before.slice(0, SHOWN)];
  const tokens = [...new Map(first.map((row) => [row.id, row])).values()];
  const find = (rows, id) => rows.find((row) => row.id === id);
  const cell = (row, makes) => h("td", { class: "value" }, row ? makes(row) : "–");
  return h("table", { class: "list pairs" },
    h("caption", { class: "unseen" }, `Likeliest next tokens, ${names.join(" and ")}`),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "token"),
      names.map((name) => h("th", { scope: "col", class: "value" }, name)), h("td", {}))),
    h("tbody", {}, tokens.map(({ id, piece }) => {
      const [then, now] = [find(before, id), find(after, id)];
      return h("tr", {},
        h("th", { scope: "row" }, token(piece)),
        cell(then, (row) => h("span", { title: String(row.probability) }, share(row.probability))),
        cell(now, (row) => number(row.name, share(row.probability), row.probability)),
        h("td", { class: "bars" }, bar(then?.probability, "then"), bar(now?.probability, "now")));
    })));
}

function tensorList(title, tensors) {
  if (!tensors.length) return [h("h4", {}, title), h("p", { class: "hint" }, "None moved.")];
  const heads = ["tensor", "largest change", "of the largest"];
  const body = h("tbody", {}, tensors.slice(0, FEW).map(tensorRow));
  const more = tensors.length > FEW && h("button", {
    type: "button", class: "do small",
    onclick: () => {
      const rest = tensors.slice(FEW).map(tensorRow);
      body.append(...rest);
      more.remove();
      rest[0].querySelector("button").focus();
    },
  }, `Show all ${tensors.length}`);
  return [
    h("h4", {}, title),
    h("table", { class: "list moved" },
      h("caption", { class: "unseen" }, title),
      h("thead", {}, h("tr", {}, heads.map((one, at) => {
        return h("th", { scope: "col", class: at ? "value" : null }, one);
      }))),
      body),
    more,
  ];
}

function tensorRow({ name, change, relative }) {
  const look = (event) => say(event.currentTarget, "pel-look", { tensor: name });
  return h("tr", {},
    h("th", { scope: "row" }, h("button", { type: "button", class: "term", onclick: look }, name)),
    h("td", { class: "value", title: String(change) }, short(change)),
    h("td", { class: "value", title: String(relative) },
      relative > 1e6 ? "from 0" : `${short(100 * relative, 3)} %`));
}
