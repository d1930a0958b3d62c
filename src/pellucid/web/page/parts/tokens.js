// The text as its tokens: ids, bytes, what is to come after each, how wrong that was, and merges.

import { define, fill, h, set } from "../core/dom.js";
import { Part } from "../core/part.js";
import { number } from "./number.js";

class Tokens extends Part {
  #open = null;
  #list = h("ol", { class: "pk-list" });
  #detail = h("div", { class: "pk-detail", id: "pel-token", hidden: true });

  connectedCallback() {
    if (!this.#list.isConnected) {
      this.append(this.#list, this.#detail);
      this.addEventListener("keydown", (event) => this.#key(event));
      document.addEventListener("pointerdown", (event) => {
        if (!event.composedPath().includes(this)) this.#show(null);
      });
    }
    super.connectedCallback();
  }

  render() {
    const { tokens, losses } = this.store.run;
    const known = losses.filter((loss) => typeof loss === "number");
    const most = Math.max(1e-9, ...known);
    fill(this.#list, tokens.map((token, at) => this.#chip(token, at, losses[at], most)));
    this.#show(null);
  }

  #chip({ id, piece }, at, loss, most) {
    const button = h("button", { class: "pk-token", "aria-expanded": "false" });
    set(button, { "aria-controls": "pel-token", title: `token ${at}: ${piece}, id ${id}` });
    const spelling = h("span", { class: "pk-piece" }, spelt(piece));
    button.append(spelling, h("span", { class: "pk-id" }, id));
    button.addEventListener("click", () => this.#show(this.#open === at ? null : at));
    return h("li", {}, button, this.#loss(at, loss, most));
  }

  #loss(at, loss, most) {
    if (loss === null || loss === undefined) return h("span", { class: "pk-loss" }, "–");
    const made = number(`losses[${at}]`, loss, Number(loss).toFixed(2), "pk-loss pk-known");
    made.style.setProperty("--part", String(Math.max(0, Number(loss) / most)));
    return made;
  }

  #key(event) {
    if (event.key !== "Escape" || this.#open === null) return;
    event.preventDefault();
    this.#list.children[this.#open]?.firstChild.focus();
    this.#show(null);
  }

  async #show(at) {
    this.#open = at;
    [...this.#list.children].forEach((one, place) =>
      one.firstChild.setAttribute("aria-expanded", String(place === at)));
    this.#detail.hidden = at === null;
    if (at === null) return;
    const { tokens, targets, losses } = this.store.run;
    const { id, piece, bytes } = tokens[at];
    const target = targets[at];
    const merged = h("div", { class: "pk-merges" });
    fill(
      this.#detail,
      h("dl", {}, [
        ["position", at], ["token", spelt(piece)], ["id", id], ["bytes", h("code", {}, bytes)],
        ["next", target ? [spelt(target.piece), ` ${target.id}`] : "nothing to predict"],
        ["loss", losses[at] ?? "–"],
      ].map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value)))),
      merged,
    );
    try {
      const { text } = this.store.run;
      const { pretokens } = await this.store.call("merges", { text: text ?? "" });
      if (this.#open === at) fill(merged, mergesOf(pretokens, at));
    } catch {
      // The store has said it.
    }
  }
}

// The word that a token belongs to, and how it was put together.
function mergesOf(pretokens, at) {
  let before = 0;
  for (const { pretoken, start, steps } of pretokens) {
    const pieces = steps.at(-1)?.pieces ?? start;
    before += pieces.length;
    if (at >= before) continue;
    const row = (title, parts) =>
      h("li", {}, h("span", { class: "muted" }, title), parts.map(spelt));
    const rows = steps.map(({ rank, left, right, pieces: after }) =>
      row(`merge ${rank}: ${shown(left)} + ${shown(right)}`, after));
    return [
      h("p", {}, "Merges of ", spelt(pretoken)),
      h("ol", {}, row("bytes", start), rows),
    ];
  }
  return pretokens.length ? null : h("p", { class: "muted" }, "This tokenizer has no merges.");
}

function shown(piece) {
  return piece.replaceAll(" ", "␣").replaceAll("\n", "⏎");
}

function spelt(piece) {
  return h("span", { class: "pk-spelt" }, shown(piece));
}

define("pel-tokens", Tokens);
