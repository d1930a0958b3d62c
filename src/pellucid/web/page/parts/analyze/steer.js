// Steering: a direction added to the stream after a block, and what the model says with and without.

import { fill, h, say } from "../../core/dom.js";
import { actionsOf } from "../actions.js";
import { button, field, slider, switcher } from "../controls.js";
import { bar, share, token } from "../pieces.js";
import { strip } from "../strip.js";
import { differenceText } from "./question.js";
import { work } from "./work.js";

const COUNT = 30; // tokens that are written each way
const SHOWN = 8;
const SIDES = ["Without", "Steered"];

/** Steering for a panel: {element, ask(asked), draw(run), rest()}. */
export function steer(panel) {
  let asked = null;
  let layers = 0;
  const by = switcher("Direction", [["tokens", "the answer rather than the other"],
    ["texts", "from one text's end to another's"]], "tokens", () => changed());
  const text = h("textarea", { rows: 1, spellcheck: "false" });
  const against = h("textarea", { rows: 1, spellcheck: "false" });
  const texts = h("div", { class: "pa-texts" }, field("Towards the end of", text),
    field("Away from the end of", against));
  const blocks = strip("After which block", () => changed());
  const strength = slider({ label: "Strength", min: -20, max: 20, value: 2, step: 0.1,
    onchange: () => changed() });
  const keep = button("Keep it", () => kept(), { title: "As a change of this run, for Undo, links and " +
    "Python" });
  const doing = work(panel, "Write on, both ways", () => write());
  const sides = SIDES.map((title) => {
    const list = h("div", {});
    const written = h("p", { class: "pa-written" });
    return { list, written, element: h("section", {}, h("h3", {}, title), list, written) };
  });
  const element = h("section", {},
    h("p", { class: "hint" }, "A direction, times a strength, is added to the stream after a block, at " +
      "every place of the text and of what is written. Between tokens it is how the head reads the " +
      "one rather than the other; between texts it is what their streams differ by at their ends."),
    h("div", { class: "actions pa-bar" }, by.element), texts,
    h("div", { class: "pq pa-swap" }, h("div", { class: "pq-row" },
      h("h3", { class: "field-label" }, "after block"), blocks.element)),
    h("div", { class: "actions pa-bar" }, strength.element, keep, doing.element),
    h("div", { class: "pa-pair" }, sides.map((one) => one.element)));
  for (const one of [text, against]) one.addEventListener("change", () => changed());

  const ready = () => asked && (by.value === "tokens" || text.value !== "" && against.value !== "");

  function action() {
    const place = { do: "steer", name: `h.${blocks.at}.resid_post`, strength: strength.value };
    return by.value === "tokens" ? { ...place, first: asked.first, second: asked.second }
      : { ...place, text: text.value, against: against.value };
  }

  function experiments() {
    const { experiment } = panel.store;
    return [experiment, { ...experiment, actions: [...actionsOf(experiment), action()] }];
  }

  function ask(question) {
    asked = question;
    changed();
  }

  // What comes next, without and with: both are runs, and nothing is kept of the second.
  function changed() {
    texts.hidden = by.value !== "texts";
    keep.disabled = !ready();
    if (!ready()) return;
    doing.stop();
    for (const one of sides) fill(one.written);
    const { position } = asked;
    experiments().forEach((experiment, side) => {
      panel.newest(`steered ${side}`,
        () => panel.store.call("predictions", { experiment, position, top: SHOWN }),
        ({ rows }) => fill(sides[side].list, likely(rows)));
    });
  }

  function likely(rows) {
    const own = new Set([asked.first, asked.second]);
    return h("table", { class: "list" },
      h("caption", { class: "unseen" }, "Likeliest next tokens"),
      h("tbody", {}, rows.map(({ id, piece, probability }) => h("tr", {
        class: own.has(id) ? "drawn" : null },
      h("th", { scope: "row" }, token(piece)),
      h("td", { class: "value" }, share(probability)),
      h("td", { class: "bars" }, bar(probability))))));
  }

  async function write() {
    if (!ready()) return;
    const { temperature, top_k: topK, top_p: topP } = panel.store.sampling;
    const sampling = { temperature, top_k: topK, top_p: topP };
    for (const one of sides) fill(one.written, panel.store.run.text);
    for (const [side, experiment] of experiments().entries()) {
      const made = h("b", {});
      sides[side].written.append(made);
      const fields = { experiment, sampling, count: COUNT, top: 1 };
      const done = await doing.run("generate", fields, COUNT, ({ piece }) => {
        made.append(piece);
        return 1;
      });
      if (!done) return;
      fill(sides[side].written, panel.store.run.text,
        h("b", {}, done.text.slice(panel.store.run.text.length)));
    }
  }

  async function kept() {
    if (!ready()) return;
    const one = action();
    await panel.store.act(one);
    say(panel, "pel-say", { message: `Steered by ${differenceText(asked)}` });
  }

  return {
    element,
    ask,
    rest: () => doing.stop(),
    draw(run) {
      if (run.model.layers !== layers) {
        ({ layers } = run.model);
        blocks.clear();
        for (let block = 0; block < layers; block++) blocks.add(String(block));
        blocks.choose(Math.floor((layers - 1) / 2));
      }
      if (!text.value) text.value = run.text ?? "";
    },
  };
}
