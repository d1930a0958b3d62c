// The start page: the worked examples from the first to the last, and the models with a text.

import { define, fill, h } from "../core/dom.js";

const ABOUT = "Every number here ran. Open a model on a text of your own, or a worked example, " +
  "and go from the whole to a single number; click it for its arithmetic.";

/** `.store` is given before anything has run: what there is comes by its begin(). */
class Start extends HTMLElement {
  #store = null;

  set store(store) {
    this.#store = store;
    this.#draw();
  }

  get store() {
    return this.#store;
  }

  connectedCallback() {
    this.#draw();
    this.addEventListener("pel-shown", () => this.#draw());
  }

  #draw() {
    const known = this.#store?.start;
    if (!this.isConnected || !known || this.children.length) return;
    const head = h(
      "header",
      { class: "ps-head" },
      h("h1", {}, "A transformer one can see through"),
      h("p", { class: "muted" }, ABOUT),
    );
    const models = h("section", { class: "ps-models", "aria-labelledby": "ps-models" });
    models.append(h("h2", { id: "ps-models" }, "Models"), this.#form(known));
    const examples = h("section", { "aria-labelledby": "ps-examples" });
    const cards = known.examples.map((one, at) => h("li", {}, this.#card(one, at)));
    const list = h("ol", { class: "ps-cards" }, cards);
    examples.append(h("h2", { id: "ps-examples" }, "Worked examples"), list);
    fill(this, head, models, examples);
  }

  #form({ models, default: first, limits }) {
    const text = h("textarea", { rows: 3, id: "ps-text", spellcheck: "false" });
    text.placeholder = "A text of your own; left empty, the model's first one";
    text.maxLength = limits.text;
    text.value = first?.text ?? "";
    const choices = models.map(({ name, about }, at) => {
      const own = first?.subject?.model ? name === first.subject.model : at === 0;
      const input = h("input", { type: "radio", name: "ps-model", value: name, checked: own });
      return h("label", { class: "ps-model" }, input, h("span", {}, h("strong", {}, name), " ",
        h("span", { class: "muted" }, about)));
    });
    const form = h(
      "form",
      { class: "ps-form" },
      h("fieldset", {}, h("legend", { class: "unseen" }, "Model"), choices),
      h("label", { for: "ps-text" }, "Text"),
      text,
      h("button", { class: "main", type: "submit" }, "Open"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const model = new FormData(form).get("ps-model");
      const own = text.value.trim() ? { text: text.value } : {};
      if (model) this.#open({ subject: { model }, ...own });
    });
    return form;
  }

  #card({ name, title, about, kind }, at) {
    const button = h("button", { class: "ps-card" });
    button.append(
      h("span", { class: "ps-number" }, at + 1),
      h("span", { class: "ps-title" }, title),
      h("span", { class: "ps-about" }, about),
    );
    if (kind === "model") button.append(h("span", { class: "tag" }, "fully interactive"));
    button.addEventListener("click", () => this.#open({ subject: { example: name } }));
    return button;
  }

  async #open(experiment) {
    await this.#store.show(experiment);
    const now = JSON.stringify(this.#store.experiment?.subject);
    if (now === JSON.stringify(experiment.subject)) this.closest("pel-app").show("see");
  }
}

define("pel-start", Start);
