// What can be looked at: the models, the worked examples, lessons to read, and models of one's own.

import { fill, h } from "../../core/dom.js";
import { button, keepEscape } from "../controls.js";

/** A button that names what is looked at and opens the choice: {element, ready(), update()}. */
export function picker(app) {
  const { store } = app;
  const name = h("span", { class: "ps-now" });
  const open = h("button", { class: "pel-subject", "aria-haspopup": "dialog" }, name);
  const list = h("div", { class: "ps-lists" });
  const dialog = h("dialog", { class: "ps-dialog", "aria-labelledby": "ps-title",
    onkeydown: keepEscape });
  const close = button("Close", () => dialog.close());
  dialog.append(h("div", { class: "dialog-bar" },
    h("h2", { id: "ps-title" }, "Models and examples"), close), list);
  open.addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });

  async function choose(experiment, view = "see") {
    dialog.close();
    await store.show(experiment);
    const same = JSON.stringify(store.experiment?.subject) === JSON.stringify(experiment.subject);
    if (same) app.show(store.run.kind === "lesson" ? "see" : view);
  }

  // A text of the reader's own stays, a model's or an example's goes with it.
  function ofModel({ name: model, text }) {
    const { run, start } = store;
    const first = start.models.some((one) => one.text === run?.text);
    const own = run?.text && run.subject.example === undefined && !first ? run.text : text;
    return { subject: { model }, ...(own ? { text: own } : {}) };
  }

  function card(title, about, experiment) {
    return h("li", {}, h("button", { class: "ps-card", onclick: () => choose(experiment()) },
      h("span", { class: "ps-title" }, title), h("span", { class: "ps-about" }, about)));
  }

  return {
    element: h("div", { class: "ps-place" }, open, dialog),

    ready() {
      const { models, examples } = store.start;
      const of = (kind) => examples.filter((one) => one.kind === kind)
        .map((one) => card(one.title, one.about, () => ({ subject: { example: one.name } })));
      const own = h("ul", { class: "ps-cards" }, h("li", {}, h("button", { class: "ps-card",
        onclick: () => {
          dialog.close();
          app.show("learn");
          app.shown.turn("train");
        } },
        h("span", { class: "ps-title" }, "Train one here"),
        h("span", { class: "ps-about" }, "A small model on a text that you paste, live"))));
      fill(list,
        section("Models", "ul", models.map((one) => card(one.name, one.about, () => ofModel(one)))),
        section("Worked examples to change", "ol", of("model")),
        section("Worked examples to read", "ol", of("lesson")),
        h("section", {}, h("h3", {}, "Your own"), own, h("p", { class: "hint" },
          "A checkpoint of GPT’s or Llama’s family: ",
          h("code", {}, "pellucid serve --model DIR"))));
    },

    update() {
      const { run } = store;
      const title = run?.title ?? store.start?.default.subject.model ?? "";
      fill(name, title);
      open.title = `${title}: choose another model or example`;
      open.setAttribute("aria-label", open.title);
    },
  };
}

function section(title, tag, cards) {
  return h("section", {}, h("h3", {}, title), h(tag, { class: "ps-cards" }, cards));
}
