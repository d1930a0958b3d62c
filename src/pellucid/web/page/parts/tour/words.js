// A sentence as nodes: tokens in quotes become chips with their spaces seen, minus signs are true.

import { written } from "../../core/numbers.js";
import { token } from "../pieces.js";

const TOKEN = /(?<![\p{L}\p{N}])'(.+?)'(?![\p{L}\p{N}])/gu;

/** The nodes of a sentence. */
export function sentence(text) {
  const made = [];
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    made.push(plain(text.slice(end, found.index)), token(found[1], { class: "piece tour-token" }));
    end = found.index + found[0].length;
  }
  return [...made, plain(text.slice(end))].filter((one) => one !== "");
}

/** A text with true minus signs, before a function and between numbers too: −log 0.5. */
export function plain(text) {
  return written(text).replace(/(?<![\p{L}\p{N}\]])-(?=\p{L})|(?<=\s)-(?=\s)/gu, "−");
}
