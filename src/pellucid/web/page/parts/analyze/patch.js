// Patching: another text runs with one place of this text's run, and how much of the answer returns.

import { fill, h, say } from "../../core/dom.js";
import { button, switcher } from "../controls.js";
import { short, spelled } from "../pieces.js";
import { strip } from "../strip.js";
import { brief, heat } from "./heat.js";
import { differenceText, keyOf } from "./question.js";
import { work } from "./work.js";

const WHAT = [["stream", "the stream into a block"], ["attention", "what attention adds"],
  ["mlp", "what the MLP adds"]];
const LIKELY = 12;

/** Patching for a panel: {element, ask(asked), draw(run), rest()}. */
export function patch(panel) {
  let asked = null;
  let now = null; // {key, pieces, before, whole, start, cells}
  const text = h("textarea", { rows: 1, spellcheck: "false" });
  const swap = strip("A token to swap", (place) => candidates(place));
  const other = strip("What stands there instead", (at) => swapped(at));
  let instead = [];
  const what = switcher("Put in", WHAT, "stream", () => stale());
  const doing = work(panel, "Patch every place", () => begin());
  const says = h("p", { class: "pa-says" });
  const table = heat({ label: "Share of the difference that comes back, a row a block", said, most: 1,
    onchoose: choose, legend: ["the other way", "all of it comes back"] });
  const detail = h("section", { class: "pa-detail", "aria-live": "polite" });
  const row = (title, one) => h("div", { class: "pq-row" },
    h("h3", { class: "field-label" }, title), one.element);
  const swaps = [row("swap", swap), row("for", other)];
  const element = h("section", {},
    h("p", { class: "hint" }, "Another text of as many tokens runs with one place of this text's run " +
      "put in. The measure is the logit difference restored: where it comes back, that place carries " +
      "what makes the answer."),
    h("div", { class: "pq pa-swap" }, swaps, h("label", { class: "pq-row" },
      h("h3", { class: "field-label" }, "other text"), text)),
    h("div", { class: "actions pa-bar" }, what.element, doing.element),
    says, h("div", { class: "pa-columns slim" }, table.element, detail));
  text.addEventListener("input", () => stale());

  function said(block, place, value) {
    const where = `into block ${block}, place ${place} ${pieceAt(place)}`;
    return value === null ? `${where}: not there yet` : `${where}: ${brief(value, 1)} comes back`;
  }

  const mine = (place) => spelled(panel.store.run.tokens[place]?.piece ?? "");
  function pieceAt(place) {
    const theirs = spelled(now?.pieces[place] ?? "");
    return mine(place) === theirs ? theirs : `${theirs} → ${mine(place)}`;
  }

  // What could stand in a place of the text: what the model holds likely there.
  function candidates(place) {
    if (place === 0) return fill(other.element, h("p", { class: "hint" }, "Nothing comes before it."));
    panel.newest("swap", () => panel.store.call("predictions", { position: place - 1, top: LIKELY }),
      ({ rows }) => {
        instead = rows.filter(({ piece }) => piece !== panel.store.run.tokens[place].piece);
        other.clear();
        for (const { piece } of instead) other.add(piece);
      });
    return null;
  }

  function swapped(at) {
    const pieces = panel.store.run.tokens.map(({ piece }) => piece);
    pieces[swap.at] = instead[at].piece;
    text.value = pieces.join("");
    stale();
    begin();
  }

  function stale() {
    doing.stop();
    doing.say("");
    now = null;
    table.element.hidden = true;
    fill(says);
    fill(detail);
  }

  function ask(question) {
    const same = asked && keyOf(panel.store, question) === keyOf(panel.store, asked);
    asked = question;
    if (!same || now?.key !== keyOf(panel.store)) stale();
  }

  async function begin() {
    stale();
    if (!asked) return;
    const one = now = { key: keyOf(panel.store), pieces: [], start: 0, cells: new Map() };
    const { position, first, second } = asked;
    const { layers } = panel.store.run.model;
    const fields = { text: text.value, position, first, second, what: what.value };
    await doing.run("patching", fields, layers * (position + 1), (event) => {
      if (one !== now) return 0;
      return event.pieces ? opened(event) : put(event);
    });
  }

  function opened({ pieces, before, whole, start }) {
    const { layers } = panel.store.run.model;
    Object.assign(now, { pieces, before, whole, start });
    fill(says, `${differenceText(asked)} is ${short(whole)} after this text and ${short(before)} ` +
      "after the other.");
    table.show({ rows: layers, columns: pieces.length, corner: "into block", side: String,
      top: (place) => h("span", { class: place >= start && mine(place) !== spelled(pieces[place])
        ? "piece differs" : "piece" }, pieceAt(place)), words: true });
    // Up to the first token that differs the two runs are alike, and nothing comes back.
    for (let block = 0; block < layers; block++) {
      for (let place = 0; place < start; place++) table.put(block, place, 0);
    }
    return layers * start;
  }

  function put({ block, position, shares, differences }) {
    shares.forEach((share, place) => {
      now.cells.set(`${block},${position + place}`, differences[place]);
      table.put(block, position + place, share);
    });
    return shares.length;
  }

  function choose(block, place, share) {
    if (share === undefined || share === null) return;
    table.choose(block, place);
    const after = now.cells.get(`${block},${place}`) ?? now.before;
    const { name, node } = placeOf(block);
    const action = { do: "patch", name, index: [place], text: text.value };
    fill(detail, h("h3", {}, `Block ${block}, place ${place} ${pieceAt(place)}`),
      h("p", { class: "pa-changes" }, `${differenceText(asked)} ${short(now.before)} → `,
        `${short(after)}: `, h("strong", {}, brief(share, 1)), " of the way to ", short(now.whole)),
      h("div", { class: "actions" },
        button("Show in the drawing", () => say(panel, "pel-look", { node })),
        button("Put the other text's in here", () => panel.store.act(action),
          { title: "A change of this run, which Undo takes back" })));
  }

  // By which name the place of a block is set: the stream into it is what the one before left.
  function placeOf(block) {
    if (what.value === "attention") return { name: `h.${block}.attn.c_proj.out`, node: `h.${block}.attn` };
    if (what.value === "mlp") return { name: `h.${block}.mlp.c_proj.out`, node: `h.${block}.mlp` };
    if (block) return { name: `h.${block - 1}.resid_post`, node: `h.${block - 1}.resid_post` };
    const { editable } = panel.store.run;
    return { name: editable.includes("wpe.out") ? "wpe.out" : "embed.out", node: "h.0" };
  }

  return {
    element,
    ask,
    rest: () => doing.stop(),
    draw(run) {
      const pieces = run.tokens.map(({ piece }) => piece);
      if (!text.value) text.value = run.text ?? "";
      for (const one of swaps) one.hidden = pieces.join("") !== run.text;
      swap.clear();
      other.clear();
      for (const piece of pieces) swap.add(piece);
    },
  };
}
