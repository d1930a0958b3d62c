// A sentence as nodes: tokens in quotes become chips with their spaces seen, minus signs are true.

import { h } from "../../core/dom.js";
import { written } from "../../core/numbers.js";

const TOKEN = /(?<![\p{L}\p{N}])'(.+?)'(?![\p{L}\p{N}])/gu;
const SPACES = { " ": "␣", "\n": "⏎", "\t": "⇥" };

/** The nodes of a sentence. */
export function sentence(text) {
  const made = [];
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    made.push(plain(text.slice(end, found.index)), chip(found[1]));
    end = found.index + found[0].length;
  }
  return [...made, plain(text.slice(end))].filter((one) => one !== "");
}

// Before a function a minus sign is one too: −log 0.5.
function plain(text) {
  return written(text).replace(/(?<![\p{L}\p{N}\]])-(?=\p{L})/gu, "−");
}

function chip(token) {
  const shown = token.replace(/^[ \n\t]+|[ \n\t]+$/g, (all) => {
    return [...all].map((one) => SPACES[one]).join("");
  });
  return h("span", { class: "tour-token" }, shown);
}
