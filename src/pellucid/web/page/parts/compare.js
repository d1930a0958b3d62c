// <pel-compare>: a second experiment beside the first: another text, model, or the unedited run.

import { define, fill, h, say } from "../core/dom.js";
import { Store } from "../core/store.js";
import { button, choice, field, keepEscape, switcher } from "./controls.js";
import { firstDifference } from "./difference.js";
import { ASKED, facts, normPairs, pairedLosses, predictionPairs, tensorPair } from "./side_by_side.js";
import { Panel } from "./panel.js";
import { byName } from "./tensors.js";

const WAYS = [
  ["text", "Another text"],
  ["subject", "Another model or example"],
  ["unedited", "The unedited run"],
];

class Compare extends Panel {
  #parts = {};
  #other = null;
  #way = "text";
  #swapping = false;
  #plain = false; // without what was set by hand, where it does not fit the other text

  build() {
    const { store } = this;
    // The first store is the second's way to the server: they share one session.
    this.#other = new Store({
      call: (name, fields, how) => store.call(name, fields, how),
      stream: (name, fields, how) => store.stream(name, fields, how),
      url: (path) => store.url(path),
    });
    this.#other.start = store.start;
    this.#other.addEventListener("run", () => this.#show());
    const made = {
      way: switcher("Compare with", WAYS, this.#way, (way) => this.#choose(way)),
      text: h("textarea", { rows: 2 }),
      subject: choice(subjects(store.start), null),
      compare: button("Compare", () => {}, { type: "submit", class: "do main" }),
      swap: button("Swap", () => this.#swap(), { hidden: true }),
      status: h("p", { class: "hint", role: "status" }),
      view: h("div", { class: "compared" }),
      tensor: h("select", { onchange: () => this.#tensors() }),
      tensors: h("div", { class: "tensor-pair" }),
      found: h("div", { class: "found", role: "status" }),
      why: h("dialog", { class: "why-dialog", "aria-label": "A number of the other run",
        onkeydown: keepEscape }),
    };
    this.#parts = made;
    made.textField = field("Other text", made.text);
    made.subjectField = field("Model or example", made.subject);
    fill(this, h("h2", { class: "unseen" }, "Compare"),
      h("form", { class: "form wide", onsubmit: (event) => this.#compare(event) },
        made.way.element, made.textField, made.subjectField,
        h("div", { class: "actions" }, made.compare, made.swap, made.status)),
      made.view, made.why);
    this.#choose("text");
  }

  rest() {
    fill(this.#parts.tensors);
  }

  draw(run) {
    const { text, way } = this.#parts;
    if (!text.value) text.value = run.text ?? "";
    const plain = !run.changed;
    way.element.querySelector("[value=unedited]").disabled = plain;
    if (plain && way.value === "unedited") {
      way.value = "text";
      this.#choose("text");
    }
    if (this.#other.run) this.#show();
  }

  #choose(way) {
    this.#way = way;
    this.#parts.textField.hidden = way === "unedited";
    this.#parts.subjectField.hidden = way !== "subject";
    this.#parts.textField.querySelector(".field-label").textContent =
      way === "subject" ? "Text (of an example: empty for its own)" : "Other text";
    if (way === "unedited") this.#run();
  }

  get #wanted() {
    const { text, subject } = this.#parts;
    const { experiment, baseline } = this.store;
    if (this.#way === "unedited") return baseline;
    if (this.#way === "text") return { ...(this.#plain ? baseline : experiment), text: text.value };
    const [kind, name] = subject.value.split(/:(.*)/s);
    const said = text.value && text.value !== this.store.run.text ? { text: text.value } : {};
    const own = kind === "example" ? said : { text: text.value };
    return { subject: { [kind]: name }, ...own, actions: [], next: experiment.next };
  }

  #compare(event) {
    event.preventDefault();
    this.#run();
  }

  get #edited() {
    return this.#way === "text" && !this.#plain && this.store.run.changed;
  }

  async #run(plain = false) {
    this.#plain = plain;
    const { status, compare } = this.#parts;
    compare.disabled = true;
    status.textContent = "Running …";
    const before = this.#other.run;
    const run = await this.#other.show(this.#wanted);
    compare.disabled = false;
    fill(status, run === before && ["That did not run. ", this.#edited && button(
      "Run it without the edits", () => this.#run(true), { class: "do small" })]);
    if (run !== before) say(this, "pel-say", { message: `Beside it: ${run.title}` });
  }

  // In between, the two runs fit to nothing that is shown: it is drawn again when both are there.
  async #swap() {
    const [mine, theirs] = [this.store.experiment, this.#other.experiment];
    this.#swapping = true;
    fill(this.#parts.tensors);
    await this.#other.show(mine);
    await this.store.show(theirs);
    this.#swapping = false;
    this.#show();
    say(this, "pel-say", { message: "Swapped" });
  }

  #show() {
    if (this.#swapping) return;
    const { view, swap, tensor, tensors, found } = this.#parts;
    const [mine, theirs] = [this.store, this.#other];
    const [one, other] = [mine.run, theirs.run];
    swap.hidden = false;
    const shared = this.#shared();
    const kept = tensor.value;
    fill(tensor, shared.map((name) => h("option", { value: name }, name)));
    const first = shared.find((name) => name.endsWith("attn.att")) ?? shared[0];
    tensor.value = shared.includes(kept) ? kept : first;
    fill(found);
    fill(tensors); // tables that are moved would ask for what this run may not have
    const find = () => this.#find();
    const norms = h("div", { class: "scrolls", tabindex: 0, role: "group", "aria-label": "Norms" });
    const guesses = h("div", {});
    fill(view,
      facts(one, other),
      h("section", {}, h("h3", {}, "Tokens, and how wrong the guess of each was"),
        h("p", { class: "hint" }, "Marked is what differs. The same text in other tokens stands " +
          "beside itself: its losses add up to what its characters cost."),
        pairedLosses(one, other, (cell) => this.#theirs(cell))),
      h("section", {}, h("h3", {}, "What comes next, at the end of each text"), guesses),
      h("section", {}, h("h3", {}, "A tensor"),
        h("div", { class: "actions" }, field("Tensor", tensor),
          button("Find the first difference", find)), found, tensors),
      h("section", {}, h("h3", {}, "Norms of the parameters"), norms));
    this.#tensors();
    if (one.kind === "lesson" || other.kind === "lesson") {
      fill(guesses, h("p", { class: "hint" }, "A lesson on layers predicts no token."));
      fill(norms, h("p", { class: "hint" }, "A lesson on layers has no model's parameters."));
      return;
    }
    const both = (name, fields) => Promise.all([mine.call(name, fields), theirs.call(name, fields)]);
    this.newest("predictions", () => both("predictions", { position: -1, top: ASKED }),
      (answers) => fill(guesses, predictionPairs(...answers)));
    this.newest("norms", () => both("norms", {}), (answers) => fill(norms, normPairs(...answers)));
  }

  // What is the other run's must not be asked of this one: its arithmetic opens in a dialog.
  #theirs(element) {
    element.dataset.run = "other";
    for (const type of ["pel-look", "pel-edit"]) {
      element.addEventListener(type, (event) => event.stopPropagation());
    }
    element.addEventListener("pel-why", (event) => {
      event.stopPropagation();
      this.#why(event.detail.name);
    });
    return element;
  }

  #why(name) {
    const { why: dialog } = this.#parts;
    const shown = Object.assign(h("pel-why"), { store: this.#other });
    const place = this.#theirs(h("div", {}, shown));
    fill(dialog, h("div", { class: "dialog-bar" }, h("h2", {}, "In the run beside it"),
      button("Close", () => dialog.close())), place);
    if (!dialog.open) dialog.showModal();
    shown.show(name);
  }

  // In data-flow order, as the first run has them.
  #shared() {
    const [one, other] = [this.store.run, this.#other.run].map(({ outline }) => byName(outline));
    return [...one.keys()].filter((name) => other.has(name));
  }

  #tensors() {
    const { tensor, tensors } = this.#parts;
    const pair = tensorPair(this.store, this.#other, tensor.value);
    pair?.querySelectorAll("[data-other]").forEach((side) => this.#theirs(side));
    fill(tensors, pair ?? h("p", { class: "hint" }, "These runs share no tensor's name."));
  }

  #find() {
    const { found, tensor } = this.#parts;
    fill(found, "Looking …");
    const names = this.#shared();
    this.newest("first", () => firstDifference(this.store, this.#other, names), (answer) => {
      if (!answer) {
        fill(found, "No tensor of one shape in both runs differs.");
        return;
      }
      fill(found, "The first that differ: ", h("code", {}, answer.name), ` ${answer.here} here, `,
        `${answer.there} beside it.`);
      tensor.value = answer.tensor;
      this.#tensors();
    });
  }
}

function subjects({ models = [], examples = [] } = {}) {
  return [
    ...models.map(({ name }) => [`model:${name}`, `Model ${name}`]),
    ...examples.map(({ name, title }) => [`example:${name}`, `Example ${title}`]),
  ];
}

define("pel-compare", Compare);
