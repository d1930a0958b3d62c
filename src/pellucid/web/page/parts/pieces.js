// Tokens and numbers as the panels show them.

import { h, say } from "../core/dom.js";
import { numberAttributes, written } from "../core/numbers.js";

const PICTURES = new Map([["\n", "↵"], ["\t", "⇥"], ["\r", "␍"]]);

/** A token's text with its spaces and line ends made visible. */
export function spelled(piece) {
  if (piece === "") return "∅";
  return piece
    .replace(/[\n\t\r]/g, (one) => PICTURES.get(one))
    .replaceAll("\\n", "↵")
    .replace(/^ | $/g, "␣");
}

/** A token, to be read beside numbers. */
export function token(piece, attributes = {}) {
  const text = spelled(piece);
  const parts = text.split(/(␣|↵)/).map((one) => {
    return one === "␣" || one === "↵" ? h("i", { class: "blank" }, one) : one;
  });
  return h("span", { class: "piece", title: JSON.stringify(piece), ...attributes }, parts);
}

/** A sentence in which no line is broken inside a token's quotes. */
export function whole(sentence) {
  return written(sentence).replace(/'[^']*'/g, (one) => one.replaceAll(" ", "\u00a0"));
}

/** A number of the tape: a button that asks for its arithmetic. */
export function number(name, text, exact = text, attributes = {}) {
  const { class: kind = "", ...rest } = attributes;
  return h(
    "button",
    {
      type: "button",
      class: `figure ${kind}`.trim(),
      ...numberAttributes(name, exact),
      onclick: (event) => say(event.currentTarget, "pel-why", { name }),
      ...rest,
    },
    written(text),
  );
}

/** The name and the index of one number: {base: "h.0.attn.att", index: [0, 1, 0]}. */
export function parts(name) {
  const [base, inside] = name.replace(/\]$/, "").split("[");
  return { base, index: inside ? inside.split(",").map(Number) : [] };
}

/** A number that is no single place of the tape (a norm, a rate), in few digits. */
export function short(value, digits = 4) {
  const one = Number(value);
  if (!Number.isFinite(one)) return written(value);
  if (one === 0) return "0";
  const size = Math.abs(one);
  if (size >= 1e-3 && size < 1e6) return written(String(Number(one.toPrecision(digits))));
  return written(one.toExponential(digits - 2));
}

/** A loss in nats: always four decimals, so that a column lines up. */
export function nats(value) {
  return typeof value === "number" ? written(value.toFixed(4)) : written(value ?? "–");
}

/** A probability: always four decimals, or how small it is. */
export function share(probability) {
  const one = Number(probability);
  if (one > 0 && one < 0.00005) return written(one.toExponential(1));
  return one.toFixed(4);
}

/** A bar of a share of 1, only to be looked at: the number stands beside it. */
export function bar(share1, kind = "") {
  const width = `${Math.max(0, Math.min(1, Number(share1) || 0)) * 100}%`;
  return h("span", { class: `bar ${kind}`.trim(), "aria-hidden": "true" },
    h("span", { style: { "inline-size": width } }));
}

/** A size in bytes as one says it. */
export function bytes(count) {
  if (count < 1000) return `${count} bytes`;
  const step = count < 1e6 ? ["kB", 1e3] : count < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${(count / step[1]).toPrecision(3)} ${step[0]}`;
}
