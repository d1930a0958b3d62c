// The tour: a run as a story of some steps, which drives the drawing; and the same as a talk.

import { define, fill, h, say, set } from "../core/dom.js";
import { Part } from "../core/part.js";
import { button } from "./controls.js";
import { icon } from "./icons.js";
import { stepOf } from "./tour/keys.js";
import { presentation } from "./tour/present.js";
import { sentence } from "./tour/words.js";
import { worked } from "./tour/worked.js";

const NARROW = "(max-width: 47.99rem)"; // the page scrolls there, and the card lies over it

class Tour extends Part {
  #parts = null;
  #steps = [];
  #at = 0;
  #said = 0; // in a talk, which idea of the step is told: a sentence, and at last the number
  #open = false;
  #told = ""; // the experiment that the steps are of
  #tried = null; // {before, after, says}: what was done at this step
  #wanted = null; // the step that is to be gone to, once there are steps
  #talk = presentation(this, (on) => this.#turned(on));

  connectedCallback() {
    if (!this.#parts) this.#build();
    super.connectedCallback();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#talk.end();
  }

  listen(signal) {
    const app = this.closest("pel-app");
    const where = app?.embedded ? app : document;
    where.addEventListener("keydown", (event) => this.#key(event), { signal });
    where.addEventListener("keydown", (event) => this.#talk.on && this.#key(event),
      { signal, capture: true });
  }

  /** Whether it is open. */
  get open() {
    return this.#open;
  }

  /** Where one is, to be remembered: {step, open}; null where it was never opened. */
  get place() {
    const step = this.#steps[this.#at]?.id ?? this.#wanted;
    return step ? { step, open: this.#open } : null;
  }

  /** Begin at a step, or go on where it was left. */
  begin(step = this.#steps[this.#at]?.id ?? this.#wanted) {
    this.#open = true;
    this.#wanted = step ?? null;
    this.hidden = false;
    this.closest("pel-app")?.toggleAttribute("data-touring", true);
    this.#told = "";
    say(this, "pel-toured"); // before its steps have come: it is to be remembered by now
    return this.render().then(() => this.#parts.title.focus({ preventScroll: true }));
  }

  /** What was remembered: it is open there, or is taken up there the next time. */
  resume({ step, open } = {}) {
    if (open) return this.begin(step);
    this.#wanted = step ?? null;
    return undefined;
  }

  /** Leave it, and remember where. */
  leave() {
    if (!this.#open) return;
    this.#talk.end();
    this.#open = false;
    this.#tried = null;
    this.#wanted = this.#steps[this.#at]?.id ?? null;
    this.hidden = true;
    this.closest("pel-app")?.toggleAttribute("data-touring", false);
    say(this, "pel-spotlight", { targets: null });
    say(this, "pel-toured");
  }

  async render() {
    if (!this.#open || !this.store?.run) return;
    const now = JSON.stringify(this.store.experiment);
    if (this.#tried && now === this.#tried.after) return; // the step itself has done it
    if (this.#tried && now === this.#tried.before) this.#tried = null; // and it was undone
    if (this.#told === now) return void this.#go(this.#at, this.#said);
    this.#tried = null;
    const { steps } = await this.store.call("tour").catch(() => ({})); // it has said why not
    if (!steps) return void this.leave();
    if (now !== JSON.stringify(this.store.experiment) || !this.#open) return;
    const here = this.#wanted ?? this.#steps[this.#at]?.id;
    [this.#steps, this.#told, this.#wanted] = [steps, now, null];
    this.#at = Math.max(0, steps.findIndex(({ id }) => id === here));
    this.#go(this.#at);
  }

  #build() {
    const title = h("h2", { tabindex: "-1" });
    const places = h("ol", { class: "tour-places" });
    const count = h("span", { class: "tour-count tabular" });
    const present = button("Present", () => this.#talk.begin(), { class: "quiet tour-present" });
    const shut = h("button", { class: "quiet", "aria-label": "Leave the tour",
      title: "Leave the tour (Escape)", onclick: () => this.leave() }, icon("close"));
    const says = h("div", { class: "tour-says" });
    const number = h("div", { class: "tour-number" });
    const tries = h("div", { class: "tour-try" });
    const back = button("Back", () => this.#turn(-1), { class: "tour-back" });
    const next = button("Next", () => this.#turn(1), { class: "main tour-next" });
    const body = h("div", { class: "tour-body" }, title, says, number);
    this.#parts = { title, places, count, says, number, tries, back, next, body };
    this.hidden = !this.#open;
    set(this, { role: "complementary", "aria-label": "Tour" });
    this.append(h("div", { class: "tour-head" }, count, present, shut), body, tries,
      h("div", { class: "tour-foot" }, back, places, next));
  }

  #turned(on) {
    this.#said = 0;
    set(this.#parts.title, { tabindex: "-1" });
    if (this.#open) this.#draw();
    if (on) this.#parts.title.focus({ preventScroll: true });
  }

  #key(event) {
    if (!this.#open) return;
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      if (this.#talk.on) this.#talk.end();
      else this.leave();
      return;
    }
    const step = stepOf(event, this.#talk.on);
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.#turn(step);
  }

  // In a talk the next idea of the step comes before the next step.
  #turn(by) {
    const { length } = this.#ideas;
    const more = this.#said + by;
    if (this.#talk.on && !this.#tried && more >= 0 && more < length) {
      this.#said = more;
      return this.#draw();
    }
    const at = this.#at + by;
    if (at < 0 || at >= this.#steps.length) return undefined;
    return this.#leaveTrying().then(() => {
      this.#go(at);
      if (by < 0) this.#said = this.#ideas.length - 1;
      this.#draw();
    });
  }

  get #ideas() {
    const step = this.#steps[this.#at];
    return step ? [...step.says, ...[step.number].filter(Boolean)] : [];
  }

  #go(at, said = 0) {
    [this.#at, this.#said] = [at, said];
    const step = this.#steps[at];
    if (!step) return;
    this.#draw();
    this.#drive(step);
    say(this, "pel-say", { message: [step.title, ...step.says].join(". ") });
    say(this, "pel-toured");
  }

  // What was tried is seen in all of the drawing: where it was done, and what comes next.
  #drive({ look, spotlight }) {
    const parts = this.#tried ? [] : spotlight;
    const to = this.#tried ? { mode: "forward" } : look;
    say(this, "pel-look", { ...to, parts, quiet: true });
    if (matchMedia(NARROW).matches) this.#shown()?.scrollIntoView();
    say(this, "pel-spotlight", { targets: parts.length ? parts : null });
  }

  #shown() {
    const all = this.closest("pel-app").querySelectorAll("pel-drawing, pel-lesson");
    return [...all].find((one) => one.checkVisibility());
  }

  #draw() {
    const step = this.#steps[this.#at];
    if (!step) return;
    const { title, count, says, number, back, next, body } = this.#parts;
    const talk = this.#talk.on;
    const most = talk ? this.#said : Infinity;
    fill(set(title, { "data-step": step.id }), sentence(step.title));
    fill(count, `${this.#at + 1} / ${this.#steps.length}`);
    const tried = Boolean(this.#tried);
    const said = tried ? this.#tried.says : step.says;
    fill(says, said.map((text, place) => h("p", {
      hidden: talk && !tried && (place > most || place < most - 1),
      "data-now": talk && (tried || place === most),
    }, sentence(text))));
    number.hidden = tried || !step.number || most < step.says.length;
    if (!number.hidden) this.#work(step.number, number);
    this.#drawTry(step, !tried && talk && most < this.#ideas.length - 1);
    back.disabled = this.#at === 0 && (!talk || this.#said === 0);
    const all = !talk || most >= this.#ideas.length - 1;
    next.disabled = this.#at === this.#steps.length - 1 && all;
    this.#drawPlaces();
    body.scrollTop = 0;
  }

  async #work(name, place) {
    place.dataset.of = name;
    const answer = await this.store.why(name).catch(() => null);
    if (answer && place.dataset.of === name) fill(place, worked(answer));
  }

  #drawPlaces() {
    const { places } = this.#parts;
    if (places.children.length !== this.#steps.length) {
      fill(places, this.#steps.map((_, at) => h("li", {}, h("button", {
        class: "tour-place", onclick: () => this.#leaveTrying().then(() => this.#go(at)),
      }))));
    }
    [...places.children].forEach(({ firstChild }, at) => {
      const { title } = this.#steps[at];
      set(firstChild, { "aria-label": `${at + 1}: ${title}`, title,
        "aria-current": at === this.#at ? "step" : null });
    });
  }

  #drawTry(step, later) {
    const { tries } = this.#parts;
    tries.hidden = !step.try || later;
    if (tries.hidden) return;
    fill(tries, this.#tried
      ? button("Put it back", () => this.#leaveTrying().then(() => this.#go(this.#at, this.#said)))
      : button(step.try.label, () => this.#try(step.try.action)));
  }

  async #try(action) {
    const { store } = this;
    const before = store.experiment;
    const after = { ...before, actions: [...(before.actions ?? []), action] };
    const told = { before: JSON.stringify(before), after: JSON.stringify(after), says: [] };
    this.#tried = told;
    await store.act(action);
    if (JSON.stringify(store.experiment) === told.after) {
      const { says } = await store.call("tried", { before }).catch(() => ({ says: [] }));
      told.says = says;
    } else if (this.#tried === told) {
      this.#tried = null;
    }
    if (this.#tried !== told) return;
    this.#draw();
    this.#drive(this.#steps[this.#at]);
    say(this, "pel-say", { message: told.says.join(" ") });
    this.#parts.tries.querySelector("button")?.focus({ preventScroll: true });
  }

  /** What was tried is taken back, so that the story goes on as it was. */
  async #leaveTrying() {
    if (!this.#tried) return;
    const { after } = this.#tried;
    if (JSON.stringify(this.store.experiment) === after) await this.store.undo();
    this.#tried = null;
    this.#parts.title.focus({ preventScroll: true });
  }
}

define("pel-tour", Tour);
