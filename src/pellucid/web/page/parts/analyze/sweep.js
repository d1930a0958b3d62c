// Every head ablated in turn: what that does to the loss, or to the logits of two tokens.

import { fill, h, say } from "../../core/dom.js";
import { lossText } from "../../core/numbers.js";
import { without, zeroed } from "../actions.js";
import { button, switcher } from "../controls.js";
import { short } from "../pieces.js";
import { brief, heat } from "./heat.js";
import { differenceText, keyOf } from "./question.js";
import { work } from "./work.js";

const SMALL = 2e7; // parameters of a model that is swept without being asked to
const LISTED = 8;

/** The sweep of a panel: {element, ask(asked), draw(run), rest()}. */
export function sweep(panel) {
  const kept = new Map(); // what was swept, by its question
  let asked = null;
  let now = null; // {heads: Map "block,head" -> {loss, difference}, base}
  let chosen = null;
  const where = switcher("Off at", [["all", "all places"], ["one", "that place alone"]], "all",
    () => asked && ask(asked));
  const measure = switcher("Color by", [["loss", "loss"], ["difference", "difference of logits"]],
    "loss", () => shown());
  const doing = work(panel, "Ablate every head", () => begin());
  const table = heat({ label: "Change without each head, a row a block", said, onchoose: choose,
    legend: ["it falls without the head", "it rises without the head"] });
  const detail = h("section", { class: "pa-detail", "aria-live": "polite" });
  const list = h("section", { class: "pa-list" });
  const element = h("section", {},
    h("p", { class: "hint" }, "Each head alone is switched off: it looks at nothing and adds " +
      "nothing. A color says what that changes."),
    h("div", { class: "actions pa-bar" }, where.element, measure.element, doing.element),
    h("div", { class: "pa-columns" }, table.element, h("div", {}, detail, list)));

  // Where nothing is to be predicted there is no loss.
  const known = () => panel.store.run.loss !== null;
  const measured = () => (known() ? measure.value : "difference");
  const valueOf = (head) => head?.[measured()];
  const at = () => (where.value === "all" ? null : asked.position);
  const name = () => (measured() === "loss" ? "loss" : differenceText(asked));

  function said(block, head, value) {
    const what = `block ${block}, head ${head}`;
    return value === null || value === undefined ? `${what}: not there yet`
      : `${what}: ${name()} ${brief(value)} without it`;
  }

  function ask(question) {
    asked = question;
    const { run } = panel.store;
    doing.stop();
    const key = keyOf(panel.store, asked.position, asked.first, asked.second, at());
    if (!kept.has(key)) {
      kept.set(key, { heads: new Map(), base: null });
      if (kept.size > 12) kept.delete(kept.keys().next().value);
    }
    now = kept.get(key);
    chosen = null;
    doing.say(now.base ? `${now.heads.size} heads` : "");
    shown();
    if (!now.base && run.model.parameters <= SMALL) begin();
  }

  async function begin() {
    if (!now) return;
    const mine = now;
    const { layers, heads } = panel.store.run.model;
    const { position, first, second } = asked;
    mine.heads.clear();
    shown();
    const base = await doing.run("sweep", { position, first, second, at: at() }, layers * heads,
      ({ block, head, losses, differences }) => {
        losses.forEach((loss, place) => {
          const one = { block, head: head + place, loss, difference: differences[place] };
          mine.heads.set(`${block},${one.head}`, one);
          if (mine === now) table.put(block, one.head, valueOf(one));
        });
        if (mine === now) listed();
        return losses.length;
      });
    if (!base) return;
    mine.base = base;
    if (mine === now) listed();
  }

  function shown() {
    if (!now) return;
    measure.element.hidden = !known();
    const { layers, heads } = panel.store.run.model;
    table.show({ rows: layers, columns: heads, corner: "block", side: String,
      top: (head) => (head || heads === 1 ? String(head) : "head 0") });
    for (const one of now.heads.values()) table.put(one.block, one.head, valueOf(one));
    marked();
    listed();
    if (chosen) choose(...chosen);
    else fill(detail);
  }

  function marked() {
    const { layers, heads } = panel.store.run.model;
    for (let block = 0; block < layers; block++) {
      for (let head = 0; head < heads; head++) table.mark(block, head, off(block, head).length > 0);
    }
  }

  function off(block, head) {
    return zeroed(panel.store.experiment, `h.${block}.attn.att`, [head]);
  }

  // The heads whose absence changes most, of those that are there.
  function listed() {
    const most = [...now.heads.values()].sort((one, other) => {
      return Math.abs(valueOf(other)) - Math.abs(valueOf(one));
    }).slice(0, LISTED);
    const all = (key) => Math.max(...most.map((one) => Math.abs(one[key]) || 0));
    const largest = { loss: all("loss"), difference: all("difference") };
    const columns = ["head", ...(known() ? ["loss"] : []), differenceText(asked)];
    fill(list, most.length > 0 && h("table", { class: "list" },
      h("caption", {}, "Largest changes"),
      h("thead", {}, h("tr", {}, columns.map((one, place) => {
        return h("th", { scope: "col", class: place ? "value" : null }, one);
      }))),
      h("tbody", {}, most.map(({ block, head, loss, difference }) => h("tr", {},
        h("th", { scope: "row" }, button(`block ${block}, head ${head}`, () => choose(block, head),
          { class: "term pick" })),
        known() && h("td", { class: "value" }, brief(loss, largest.loss)),
        h("td", { class: "value" }, brief(difference, largest.difference)))))));
  }

  function choose(block, head) {
    const one = now.heads.get(`${block},${head}`);
    chosen = [block, head];
    table.choose(block, head);
    const places = off(block, head);
    const look = () => say(panel, "pel-look", { node: `h.${block}.attn.head.${head}` });
    fill(detail, h("h3", {}, `Block ${block}, head ${head}`),
      one && changes(one),
      h("div", { class: "actions" },
        button("Show in the drawing", look),
        button(places.length ? "Switch on again" : "Switch off", () => toggle(block, head, places))));
  }

  function changes({ loss, difference }) {
    const { base } = now;
    const row = (what, before, by, text) => h("li", {}, h("span", {}, what), " ",
      before === undefined ? null : `${text(before)} → ${text(Number(before) + Number(by))} `,
      h("strong", {}, brief(by)));
    return h("ul", { class: "pa-changes" }, known() && row("loss", base?.loss, loss, lossText),
      row(differenceText(asked), base?.difference, difference, short));
  }

  async function toggle(block, head, places) {
    const { store } = panel;
    const action = { do: "set", name: `h.${block}.attn.att`, index: [head], value: 0 };
    if (places.length) await store.show(without(store.experiment, places));
    else await store.act(action);
    const word = places.length ? "on again" : "off";
    say(panel, "pel-say", { message: `Head ${head} of block ${block} is ${word}` });
  }

  return { element, ask, rest: () => doing.stop() };
}
