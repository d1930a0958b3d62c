// <pel-why>: one number, how it was made, and the way down to what it was made from.

import { active, clear, define, fill, h, say } from "../core/dom.js";
import { written } from "../core/numbers.js";
import { arithmetic, operandTable } from "./arithmetic.js";
import { button, copy, sourceDialog } from "./controls.js";
import { Panel } from "./panel.js";
import { number, parts, whole } from "./pieces.js";
import { byName } from "./tensors.js";
import { EMPTY, climb, current, go, visit } from "./trail.js";

const EMPTY_SAYS =
  "Click any number on the page: here stands how it was made, and each number that it was made " +
  "from can be followed, down to tokens and weights.";

/** The arithmetic of one number; show(name) or the attribute `name` says which. */
class Why extends Panel {
  static observedAttributes = ["name"];
  #trail = EMPTY;
  #answer = null;
  #answered = null; // the run that the answer is of
  #proving = null;
  #labels = new Map(); // what readers call the numbers that were met, by their names
  #parts = {};

  constructor() {
    super();
    this.addEventListener("keydown", (event) => this.#key(event));
    this.addEventListener("pel-why", (event) => {
      if (event.detail?.name) this.show(event.detail.name);
    });
  }

  /** The number that is shown; null before one was asked for. */
  get name() {
    return current(this.#trail)?.name ?? null;
  }

  set name(name) {
    if (name) this.show(name);
  }

  attributeChangedCallback(_, before, name) {
    if (name !== before) this.name = name;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#proving?.abort();
  }

  /** Show a number; one that the current is made from stands below it on the way down. */
  show(name) {
    const down = this.#answer?.name === this.name &&
      (this.#answer?.operands ?? []).some(({ source }) => source === name);
    this.#walk(visit(this.#trail, name, down));
  }

  /** To the number before, as in a browser. */
  back() {
    this.#walk(go(this.#trail, -1), true);
  }

  /** And forward again. */
  forward() {
    this.#walk(go(this.#trail, 1), true);
  }

  build() {
    const made = {
      back: button("←", () => this.back(), { class: "step-back", "aria-label": "Back",
        title: "Back (Backspace)" }),
      forward: button("→", () => this.forward(), { class: "step-forward", "aria-label": "Forward",
        title: "Forward (Alt+→)" }),
      way: h("ol", { class: "way" }),
      body: h("div", { class: "why-body" }),
    };
    this.#parts = made;
    fill(
      this,
      h("nav", { class: "why-bar", "aria-label": "The way to this number" },
        made.back, made.forward, made.way),
      made.body,
    );
  }

  draw() {
    this.#bar();
    if (this.name === null) {
      fill(this.#parts.body, h("p", { class: "empty" }, EMPTY_SAYS));
      return;
    }
    this.#ask();
  }

  #walk(trail, announce = false) {
    if (trail === this.#trail) return;
    this.#trail = trail;
    if (announce) say(this, "pel-why", { name: this.name });
    if (this.isConnected && this.store?.run) this.render();
  }

  async #ask() {
    const { name } = this;
    const { run } = this.store;
    if (run.names && !run.names.includes(parts(name).base)) {
      this.newest("why", () => Promise.resolve(), () => this.#missing(name));
      return;
    }
    this.#parts.body.setAttribute("aria-busy", "true");
    const kept = this.#parts.body.contains(active());
    const shown = await this.newest("why", () => this.store.why(name), (answer) => {
      this.#answer = answer;
      if (this.#answered !== run) this.#labels.clear();
      this.#answered = run;
      this.#met(answer);
      fill(this.#parts.body, this.#page(answer));
      this.#parts.body.parentElement.scrollTop = 0;
      if (kept) this.#parts.body.querySelector("h3").focus();
      say(this, "pel-say", { message: `${answer.sentence} ${answer.exact}` });
    });
    this.#parts.body.removeAttribute("aria-busy");
    const known = this.#answer?.name === name && this.#answered === this.store.run;
    if (!shown && !known && this.name === name) this.#missing(name);
  }

  #met({ name, label, operands }) {
    this.#labels.set(name, label);
    for (const { source, label: called } of operands) {
      if (source && !this.#labels.has(source)) this.#labels.set(source, called);
    }
    this.#bar();
  }

  #missing(name) {
    fill(this.#parts.body, h("h3", { tabindex: -1 }, h("code", {}, name)),
      h("p", { class: "empty" }, "This run has no such number. Go back, or choose another."));
  }

  #bar() {
    const { back, forward, way } = this.#parts;
    const here = current(this.#trail);
    back.disabled = this.#trail.at < 1;
    forward.disabled = this.#trail.at >= this.#trail.entries.length - 1;
    const names = here?.way ?? [];
    fill(way, names.map((name, place) => {
      const last = place === names.length - 1;
      const up = () => {
        this.#walk(climb(this.#trail, place), true);
      };
      return h("li", {}, last
        ? h("span", { "aria-current": "page", title: name }, this.#labels.get(name) ?? name)
        : button(this.#labels.get(name) ?? name, up, { class: "term", title: name }));
    }));
    way.lastElementChild?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
  }

  #page(answer) {
    const { equation, operands, steps } = answer;
    return [
      this.#head(answer),
      this.#proof(answer),
      steps.length > 0 && h("section", {}, h("h4", {}, "Arithmetic"),
        equation && h("p", { class: "equation" }, equation), arithmetic(answer)),
      operands.length > 0 && h("section", {}, h("h4", {}, "Made from"), operandTable(operands)),
      steps.length === 0 && h("p", { class: "origin" }, this.#origin(answer)),
      this.#code(answer),
    ];
  }

  #origin(answer) {
    const { base } = parts(answer.name);
    if (this.store.run.parameters.includes(base)) {
      return "A weight of the model: it was not computed, it was learned or set.";
    }
    return answer.function ? "What the call returned; it has no arithmetic of its own." : "Given.";
  }

  #head(answer) {
    const { sentence, effect, facing } = answer;
    return h(
      "header",
      { class: "why-head" },
      h("h3", { class: "why-sentence", "data-name": answer.name, tabindex: -1 }, whole(sentence)),
      h("p", { class: "why-value" },
        number(answer.name, answer.text, answer.exact, { class: "self" }),
        h("small", {}, "exactly ", h("span", { class: "exact-digits" }, written(answer.exact)))),
      (effect || facing) && h("p", { class: "why-effect" }, whole(effect), " ",
        facing && h("span", { class: "why-facing" },
          facing.kind === "gradient" ? "Its gradient: " : "The value it is of: ",
          number(facing.name, facing.text, facing.exact))),
      this.#actions(answer),
    );
  }

  // What stands in code: for those who look for the number there, or in another program.
  #code({ name, origin, symbol, meaning, function: made }) {
    const tensor = byName(this.store.run.outline).get(parts(name).base);
    return h(
      "section",
      { class: "why-code" },
      h("h4", {}, "In code"),
      h("p", {}, h("code", {}, name),
        tensor?.shape.length > 0 && `, one of ${tensor.shape.join(" × ")}`,
        symbol && [": ", h("span", { class: "symbol" }, written(symbol))],
        meaning && `${symbol ? " " : ": "}${meaning}`),
      origin !== name && h("p", {}, "the same number as ",
        button(origin, () => say(this, "pel-why", { name: origin }), { class: "term" })),
      made && h("p", {}, "made by ", h("code", { class: "function" }, made)),
    );
  }

  #actions(answer) {
    const { base, index } = parts(answer.name);
    const { run } = this.store;
    const editable = run.editable.includes(base) || run.parameters.includes(base);
    const python = () => sourceDialog(this, `${answer.name} in Python`, answer.python);
    return h(
      "div",
      { class: "actions" },
      editable && button("Edit", () => say(this, "pel-edit", { name: base, index })),
      button("Show in its tensor", () => say(this, "pel-look", { tensor: base, index })),
      answer.python && button("Python", python),
      button("Copy", async (event) => {
        const { target } = event;
        target.textContent = (await copy(answer.exact)) ? "Copied" : "Not allowed by the browser";
      }),
      !run.proved && this.#provable(run) && button("Prove this run", () => this.#prove()),
    );
  }

  // A proof of more numbers would be refused: pellucid prove in the terminal has no such limit.
  #provable(run) {
    const sizes = [...byName(run.outline).values()].map(({ shape }) => {
      return shape.reduce((product, size) => product * size, 1);
    });
    const most = this.store.start.limits.proved;
    return sizes.reduce((sum, size) => sum + size, 0) <= most;
  }

  #proof({ proved }) {
    const status = h("div", { class: "proof-status" });
    this.#parts.proof = status;
    if (!proved) return status;
    const { digits, radius, error, printed_right: right } = proved;
    return h(
      "section",
      { class: "proof" },
      h("h4", {}, "Proved"),
      h("p", { class: "digits" }, written(digits),
        Number(radius) > 0 && h("small", {}, ` ± ${written(radius)}`)),
      h("p", {}, Number(error) === 0
        ? "The number that ran is the true one."
        : `The number that ran is at most ${written(error)} from the true one.`, " ",
      right ? "All printed digits are right." : "Not all printed digits are certain."),
      status,
    );
  }

  async #prove() {
    this.#proving?.abort();
    this.#proving = new AbortController();
    const stop = button("Stop", () => this.#proving.abort());
    const bar = h("progress", { max: 1, value: 0, "aria-label": "How far the proof has come" });
    const text = h("span", { class: "hint" }, "Enclosing every number of the run …");
    const { proof } = this.#parts;
    fill(proof, h("div", { class: "progress" }, bar, text, stop));
    say(this, "pel-say", { message: "Proving this run" });
    const onEvent = ({ part, share }) => {
      bar.value = share;
      text.textContent = `${part}: ${Math.round(100 * share)} %`;
    };
    const how = { onEvent, signal: this.#proving.signal };
    try {
      const done = await this.store.stream("prove", {}, how);
      this.store.run.proved = true;
      this.store.forget();
      say(this, "pel-say", { message: done.claim });
      await this.#ask();
      const claims = [done.claim, ...done.box];
      fill(this.#parts.proof, ...claims.map((text) => h("p", { class: "claim" }, text)));
    } catch (error) {
      clear(proof);
      if (!["ApiError", "AbortError"].includes(error.name)) throw error;
    }
  }

  #key(event) {
    if (event.target.closest("input, textarea, select, dialog")) return;
    const back = event.key === "Backspace" || (event.altKey && event.key === "ArrowLeft");
    const forward = event.altKey && event.key === "ArrowRight";
    if (!back && !forward) return;
    event.preventDefault();
    if (back) this.back();
    else this.forward();
  }
}

define("pel-why", Why);
