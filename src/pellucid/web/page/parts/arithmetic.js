// The arithmetic of one number, line by line: in names, in figures, and what came out.

import { h, say } from "../core/dom.js";
import { written } from "../core/numbers.js";
import { button } from "./controls.js";
import { number, whole } from "./pieces.js";

const FIRST = 40; // operands of a long sum that are listed before one asks for all
const LONG = 1200; // letters of a line that scrolls by itself

/** All lines of an answer of `why`. */
export function arithmetic(answer) {
  const exact = new Map(
    answer.operands.filter(({ source }) => source).map((one) => [one.source, one.exact]),
  );
  const lines = h("div", { class: "steps" });
  lines.append(...answer.steps.map((step, place) => stepOf(step, place, exact, lines)));
  return lines;
}

function stepOf(step, place, exact, lines) {
  const named = (piece) => nameOf(piece, lines);
  const figured = (piece) => figureOf(piece, exact, lines);
  const rows = [addends(step.names, named), addends(step.figures, figured)];
  if (step.figures.length !== 1 || plain(step.figures) !== step.result) {
    rows.push([h("b", {}, written(step.result))]);
  }
  return h(
    "div",
    { class: "step-lines", "data-step": step.name, tabindex: -1 },
    h("p", { class: place === 0 ? "step-name first" : "step-name" }, step.name),
    rows.map((row) => equal(row)),
  );
}

// A line is broken between the terms of its sums: each term, as far as it fits, stays whole.
function addends(pieces, made) {
  const found = [];
  let now = [];
  const put = () => {
    if (now.length) found.push(h("span", { class: "addend" }, now));
    now = [];
  };
  for (const piece of pieces) {
    if (typeof piece !== "string") {
      now.push(made(piece));
      continue;
    }
    for (const part of piece.split(/(?<= \+ |\) \/ )/u)) {
      now.push(made(part));
      if (/ \+ $|\) \/ $/u.test(part)) put();
    }
  }
  put();
  return found;
}

function equal(row) {
  const long = row.reduce((sum, one) => sum + (one.textContent ?? one).length, 0) > LONG;
  const scrolls = long ? { tabindex: 0, role: "group", "aria-label": "a long line" } : {};
  return h(
    "div",
    { class: "equal" },
    h("span", { class: "sign" }, "="),
    h("div", { class: long ? "line long" : "line", ...scrolls }, row),
  );
}

// A name leads to the number's own arithmetic, or to the line below that makes it.
function nameOf(piece, lines) {
  if (typeof piece === "string") return minus(piece);
  const { text, source, step } = piece;
  if (source) {
    const follow = (event) => say(event.currentTarget, "pel-why", { name: source });
    return button(whole(text), follow, { class: "term", title: source });
  }
  return step ? button(text, () => find(lines, step), { class: "term inner" }) : text;
}

function figureOf(piece, exact, lines) {
  if (typeof piece === "string") return minus(piece);
  const { text, source, step } = piece;
  if (source && exact.has(source)) return number(source, text, exact.get(source));
  if (source) return nameOf(piece, lines);
  return step
    ? button(written(text), () => find(lines, step), { class: "term inner", title: step })
    : written(text);
}

// Between numbers stands a true minus sign too; a hyphen inside a word stays one.
function minus(text) {
  return text.replace(/(?<![\p{L}\d])-|-(?![\p{L}])/gu, "−");
}

function plain(pieces) {
  return pieces.map((one) => (typeof one === "string" ? one : one.text)).join("");
}

function find(lines, step) {
  const line = [...lines.children].find((one) => one.dataset.step === step);
  if (!line) return;
  line.scrollIntoView({ block: "nearest" });
  line.focus();
}

/** The numbers that it was made from: each with its value, and what it is. */
export function operandTable(operands) {
  const body = h("tbody", {}, operands.slice(0, FIRST).map(operandRow));
  const table = h(
    "table",
    { class: "operands" },
    h("caption", { class: "unseen" }, "Made from"),
    h("thead", { class: "unseen" }, h("tr", {}, ["name", "value", "what it is"].map((one) => {
      return h("th", { scope: "col" }, one);
    }))),
    body,
  );
  if (operands.length <= FIRST) return table;
  const more = button(`Show all ${operands.length.toLocaleString("en-US")}`, () => {
    const rest = operands.slice(FIRST).map(operandRow);
    body.append(...rest);
    more.remove();
    rest[0].querySelector("button")?.focus();
  });
  return h("div", {}, table, more);
}

function operandRow({ label, source, text, exact, note }) {
  const value = source ? number(source, text, exact) : h("span", { title: exact }, written(text));
  const full = source && source !== label ? h("code", {}, source) : null;
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("code", {}, label || "a constant")),
    h("td", { class: "value" }, value),
    h("td", { class: "note" }, full, h("span", {}, note)),
  );
}
