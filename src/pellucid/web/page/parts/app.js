// The frame: the bar, the views, the panel beside them, what is said, and what went wrong.

import "./see.js";
import "./tour.js";
import { clear, define, fill, h, say } from "../core/dom.js";
import { lossText } from "../core/numbers.js";
import { bar } from "./app/bar.js";
import { doneTo } from "./app/edited.js";
import { panel } from "./app/panel.js";
import { copyLink, listen, saveFile } from "./app/sharing.js";
import { theme } from "./app/theme.js";

const VIEWS = {
  see: ["pel-see"],
  learn: ["pel-learning"],
  touch: ["pel-touch"],
  generate: ["pel-generate"],
  analyze: ["pel-analyze"],
  compare: ["pel-compare"],
};

class App extends HTMLElement {
  #store = null;
  #view = "see";
  #focus = null;
  #said = h("div", { class: "unseen", role: "log", "aria-live": "polite" });
  #problemAt = 0; // how many runs had been asked for when it was said
  #problem = h("div", { class: "pel-problem", role: "status", "aria-live": "polite" });
  #busy = h("div", { class: "pel-busy", role: "progressbar", hidden: true });
  #main = h("main", { class: "pel-main", tabindex: "-1" });
  #panel = null;
  #tour = h("pel-tour");
  #bar = null;
  #title = h("h1", { class: "unseen" });
  #waiting = h("p", { class: "pel-waiting", role: "status" });
  #root = null;
  #left = null;

  /** Whether it is a part of another page, whose address, title and keys are not the app's. */
  embedded = false;

  set store(store) {
    this.#store = store;
    store.addEventListener("run", ({ detail }) => this.#ran(detail));
    store.addEventListener("busy", ({ detail }) => { this.#busy.hidden = !detail; });
    store.addEventListener("problem", ({ detail }) => this.#trouble(detail));
    store.addEventListener("lost", () => this.#takeAlong());
  }

  get store() {
    return this.#store;
  }

  connectedCallback() {
    this.#root = this.closest(".pellucid");
    theme.begin(this.#root);
    this.#left = new AbortController();
    (this.embedded ? this : document).addEventListener("keydown", (event) => this.#key(event),
      { signal: this.#left.signal });
    listen(this, this.embedded ? this : document, this.#left.signal);
    if (this.#bar) return;
    this.#busy.setAttribute("aria-label", "at work");
    this.#bar = bar(this);
    this.#panel = panel(this);
    const skip = h("button", { class: "unseen skip", onclick: () => this.#main.focus() });
    skip.textContent = "Skip to the content";
    this.#main.append(this.#title, this.#waiting);
    this.#tour.store = this.#store;
    const body = h("div", { class: "pel-body" }, this.#tour, this.#main, this.#panel.element);
    this.append(skip, this.#bar.element, this.#busy, this.#problem, body, this.#said);
    this.addEventListener("pel-why", ({ detail }) => this.#why(detail.name));
    this.addEventListener("pel-chosen", ({ detail }) => this.#panel.choose(detail));
    this.addEventListener("pel-look", ({ detail }) => this.#look(detail));
    this.addEventListener("pel-spotlight", ({ detail }) => this.shown?.spotlight?.(detail.targets));
    this.addEventListener("pel-toured", () => this.#toured());
    this.addEventListener("pel-edit", ({ detail }) => this.#edit(detail));
    this.addEventListener("pel-say", ({ detail }) => this.#speak(detail.message));
    this.addEventListener("pel-focus", ({ detail }) => this.#focused(detail));
  }

  disconnectedCallback() {
    theme.end(this.#root);
    this.#left.abort();
  }

  /** What there is has come: fill the pickers. */
  ready() {
    this.#bar.ready();
  }

  /** The view that is shown. */
  get view() {
    return this.#view;
  }

  /** What is looked at, and whether it was changed. */
  get heading() {
    const { run, experiment } = this.#store;
    return run ? `${run.title}${doneTo(experiment)}` : "Pellucid";
  }

  /** What of the page can be shared: the experiment, the view, what is looked at. */
  get state() {
    return { experiment: this.#store.experiment, view: this.#view, focus: this.#focus };
  }

  /** The element of the view that is shown. */
  get shown() {
    return this.#main.querySelector(`:scope > [data-view="${this.#view}"] > *`);
  }

  /** Show a state that was shared, or was there before: then with what was undone of it. */
  async open({ experiment, view, focus, undone }) {
    const same = JSON.stringify(experiment) === JSON.stringify(this.#store.wanted);
    this.show(VIEWS[view] ? view : "see");
    await (same ? this.#store.came : this.#shown(experiment, undone));
    if (!this.#store.run) return this.home();
    if (focus?.tensor || focus?.node) this.#look(focus);
    if (focus?.number) this.#why(focus.number);
    if (focus?.tour) await this.#tour.resume(focus.tour);
  }

  /** Whether the tour is open. */
  get touring() {
    return this.#tour.open;
  }

  /** Begin the tour where it was left, or leave it. */
  tour() {
    if (this.#tour.open) this.#tour.leave();
    else this.#tour.begin();
  }

  /** What the page opens on: a model that runs. */
  async home() {
    this.#panel.escape();
    this.#tour.leave();
    this.show("see");
    const { default: first, models } = this.#store.start;
    const opening = this.#shown(first), { asked } = this.#store;
    await opening;
    // What was fetched may not be whole: another is opened, unless the reader has chosen one by now.
    const other = models.find(({ name }) => name !== first.subject.model);
    if (!this.#store.run && asked === this.#store.asked && other) {
      await this.#store.show({ subject: { model: other.name } });
    }
  }

  /** Write on with one of the next tokens, by default the likeliest. */
  async writeOn(id) {
    await this.#bar.settle();
    return this.#store.append(id);
  }

  // Until there is a first run it is said what is waited for.
  async #shown(experiment, undone) {
    const { run, start } = this.#store;
    const model = start.models.find(({ name }) => name === experiment.subject.model);
    const words = model && [h("strong", {}, `Opening ${model.name}`), ` ${model.about}.`];
    fill(this.#waiting, run ? null : words ?? "Opening");
    await this.#store.show(experiment, undone);
    clear(this.#waiting);
  }

  /** Show one of the views. */
  show(view) {
    this.#view = view;
    let place = this.#main.querySelector(`:scope > [data-view="${view}"]`);
    if (!place) {
      place = h("div", { class: `pel-view pel-view-${view}`, id: `pel-${view}` });
      place.dataset.view = view;
      place.setAttribute("role", "tabpanel");
      place.setAttribute("aria-label", view);
      for (const tag of VIEWS[view]) place.append(Object.assign(h(tag), { store: this.#store }));
      this.#main.append(place);
    }
    for (const one of this.#main.querySelectorAll(":scope > [data-view]")) {
      one.hidden = one !== place;
    }
    this.#titled();
    this.dataset.view = view;
    this.#bar.update();
    for (const part of place.children) part.dispatchEvent(new CustomEvent("pel-shown"));
    this.#remember();
  }

  #ran(which) {
    const { run } = this.#store;
    // A run that was on its way already when something went wrong takes nothing away.
    if (which > this.#problemAt) clear(this.#problem);
    this.#bar.update();
    this.#titled();
    this.#panel.update();
    this.#speak(run.loss === null ? run.title : `${run.title}, loss ${lossText(run.loss)}`);
    this.#remember();
  }

  // A lesson has a title of its own.
  #titled() {
    const { title, kind } = this.#store.run ?? {};
    this.#title.hidden = kind === "lesson" && this.#view === "see";
    fill(this.#title, title ? `${this.heading}: ${this.#view}` : "Pellucid");
  }

  #why(name) {
    this.#focus = { ...this.#focus, number: name };
    this.#panel.why(name);
    this.#remember();
  }

  /** No number is explained any more. */
  unwhy() {
    this.#focus = { ...this.#focus, number: undefined };
    this.#remember();
  }

  #look(detail) {
    this.show("see");
    this.shown.look?.(detail);
  }

  #edit(detail) {
    this.show("touch");
    this.shown.edit?.(detail);
  }

  #toured() {
    this.#focus = { ...this.#focus, tour: this.#tour.place ?? undefined };
    this.#bar.update();
    this.#remember();
  }

  #focused(detail) {
    const { number, tour } = this.#focus ?? {};
    this.#focus = { number, tour, ...detail };
    this.#remember();
  }

  #speak(message) {
    this.#said.append(h("p", {}, message));
    while (this.#said.children.length > 3) this.#said.firstChild.remove();
  }

  /** Beside the problem that was said, a button that mends it. */
  offer(text, mend) {
    const { firstChild: said } = this.#problem;
    said?.lastChild.before(h("button", { class: "main", onclick: mend }, text));
  }

  // Where nobody answers any more: the state goes on at another server.
  #takeAlong() {
    this.offer("Save the state as a file", () => saveFile(this));
    this.offer("Copy the state as a link", ({ target }) => copyLink(this)
      .then(() => fill(target, "Copied: paste it into the new page")));
  }

  #trouble(message) {
    this.#problemAt = this.#store.asked;
    const close = h("button", { class: "quiet", onclick: () => clear(this.#problem) }, "Dismiss");
    fill(this.#problem, h("div", {}, h("p", {}, message), close));
  }

  // What had the focus may be gone, and then the page has it.
  #key(event) {
    if (event.target !== document.body && !this.contains(event.target)) return;
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    const command = event.ctrlKey || event.metaKey;
    if (event.key === "Escape" && !event.defaultPrevented && this.#panel.escape()) {
      event.preventDefault();
    } else if (command && event.key === "Enter" && (!typing || typing.closest(".pel-text"))) {
      event.preventDefault();
      if (!event.repeat) this.writeOn();
    } else if (command && event.key.toLowerCase() === "z" && !typing) {
      event.preventDefault();
      this.#store[event.shiftKey ? "redo" : "undo"]();
    }
  }

  /** Say that there is another state to keep, in the address or wherever. */
  #remember() {
    if (this.#store?.experiment) say(this, "pel-state");
  }
}

define("pel-app", App);
