// The text as its tokens: ids, bytes, what is to come after each, how wrong that was, and merges.

import { define, fill, h, set } from "../core/dom.js";
import { count, written } from "../core/numbers.js";
import { Part } from "../core/part.js";
import { number } from "./number.js";

class Tokens extends Part {
  #open = null;
  #ids = "";
  #source = h("ol", { class: "pk-list pk-source", "aria-label": "Source", hidden: true });
  #legend = h("p", { class: "pk-legend", title: "How wrong the guess was of what comes after each" },
    "Loss after");
  #list = h("ol", { class: "pk-list" });
  #detail = h("div", { class: "pk-detail", id: "pel-token", hidden: true });

  connectedCallback() {
    if (!this.#list.isConnected) {
      this.append(this.#source, this.#legend, this.#list, this.#detail);
      this.addEventListener("keydown", (event) => this.#key(event));
    }
    super.connectedCallback();
  }

  listen(signal) {
    document.addEventListener("pointerdown", (event) => {
      if (!event.composedPath().includes(this)) this.#show(null);
    }, { signal });
  }

  render() {
    const { tokens, losses, source_tokens: sources } = this.store.run;
    this.#source.hidden = !sources.length;
    fill(this.#source, sources.map(({ id, piece }, at) => h("li", {},
      h("span", { class: "pk-token", title: `source token ${at}: ${piece}, id ${id}` }, spelt(piece)))));
    const known = losses.filter((loss) => typeof loss === "number");
    const most = Math.max(1e-9, ...known);
    this.#legend.hidden = !known.length;
    fill(this.#list, tokens.map((token, at) => this.#chip(token, at, losses[at], most)));
    // What is open stays so where the same text has run again.
    const ids = tokens.map(({ id }) => id).join();
    this.#show(ids === this.#ids ? this.#open : null);
    this.#ids = ids;
  }

  #chip({ id, piece }, at, loss, most) {
    const button = h("button", { class: "pk-token", "aria-expanded": "false" });
    set(button, { "aria-controls": "pel-token", title: `token ${at}: ${piece}, id ${id}` });
    button.append(spelt(piece));
    button.addEventListener("click", () => this.#show(this.#open === at ? null : at));
    return h("li", {}, button, this.#loss(at, loss, most));
  }

  #loss(at, loss, most) {
    if (loss === null || loss === undefined) return h("span", { class: "pk-loss" }, "–");
    const small = loss > 0 && loss < 0.005;
    const text = small ? "<0.01" : written(Number(loss).toFixed(2));
    const made = number(`losses[${at}]`, loss, text, "pk-loss pk-known");
    made.style.setProperty("--part", String(Math.max(0, Math.min(1, Number(loss) / most || 0))));
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
      const { word } = await this.store.call("merges", { position: at });
      if (this.#open === at) fill(merged, mergesOf(word));
    } catch {
      // The store has said it.
    }
  }
}

// The word that a token belongs to, and how it was put together.
function mergesOf(word) {
  if (!word) return h("p", { class: "muted" }, "This tokenizer has no merges.");
  const { pretoken, start, steps, left_out: more } = word;
  const row = (title, parts) => h("li", {}, h("span", { class: "muted" }, title), parts.map(spelt));
  const rows = steps.map(({ rank, left, right, pieces }) =>
    row(`merge ${rank}: ${shown(left)} + ${shown(right)}`, pieces));
  return [
    h("p", {}, "Merges of ", spelt(pretoken)),
    h("ol", {}, row("bytes", start),
      more > 0 && h("li", { class: "muted" }, `${count(more)} merges before these`), rows),
  ];
}

function shown(piece) {
  return piece.replaceAll(" ", "␣").replaceAll("\n", "⏎");
}

function spelt(piece) {
  return h("span", { class: "pk-spelt" }, shown(piece));
}

define("pel-tokens", Tokens);
