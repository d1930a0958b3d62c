// <pel-generate>: the model writes on; for each token its candidates and the number that chose it.

import { active, clear, define, fill, h, say } from "../core/dom.js";
import { button, slider, whole } from "./controls.js";
import { drawing, lensOfDraw } from "./draw.js";
import { Panel } from "./panel.js";
import { guesses } from "./guesses.js";
import { strip } from "./strip.js";

const TOP = 12;

class Generate extends Panel {
  #parts = {};
  #events = [];
  #running = null;
  #done = null;
  #asked = null;

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#running?.abort();
  }

  build() {
    const limit = this.store.start.limits.generate;
    const vocabulary = this.store.run.model?.vocabulary ?? 50257;
    const made = {
      temperature: slider({ label: "Temperature", min: 0.05, max: 3, value: 1 }),
      top_k: slider({ label: "Top-k", min: 1, max: vocabulary, value: null, log: true, step: 1,
        all: "all" }),
      top_p: slider({ label: "Top-p", min: 0.01, max: 1, value: null, all: "all" }),
      greedy: h("input", { type: "checkbox", onchange: () => this.#greedy() }),
      seed: whole(0, 0, Number.MAX_SAFE_INTEGER),
      count: whole(20, 1, limit),
      start: button("Generate", () => this.#generate(), { class: "do main" }),
      stop: button("Stop", () => this.#running?.abort(), { hidden: true }),
      use: button("Use this text", () => this.#use(), { hidden: true }),
      prompt: h("p", { class: "prompt" }),
      tokens: strip("Generated tokens", (at) => this.#choose(at)),
      status: h("p", { class: "hint", role: "status" }),
      draw: h("div", { class: "draw" }),
      lens: h("div", { class: "draw-lens" }),
      guesses: guesses(this),
      lesson: h("p", { class: "empty" }, "This example is a lesson on layers by themselves: it " +
        "writes no text. Choose an interactive example, or a model."),
    };
    this.#parts = made;
    made.all = h("div", {}, this.#form(), h("section", { class: "written" },
      made.prompt, made.tokens.element, made.status,
      h("div", { class: "columns even" }, made.draw, made.lens)), made.guesses.element);
    fill(this, h("h2", { class: "unseen" }, "Generate"), made.lesson, made.all);
  }

  #form() {
    const { temperature, top_k: topK, top_p: topP, greedy, seed, count } = this.#parts;
    const { start, stop, use } = this.#parts;
    const inline = (label, control) => h("label", { class: "field inline" }, control,
      h("span", { class: "field-label" }, label));
    return h("form", { class: "sampling", onsubmit: (event) => event.preventDefault() },
      h("div", { class: "sliders" }, temperature.element, topK.element, topP.element),
      h("div", { class: "actions" },
        inline("greedy", greedy),
        h("label", { class: "field beside" }, h("span", { class: "field-label" }, "Seed"), seed),
        h("label", { class: "field beside" }, h("span", { class: "field-label" }, "Tokens"), count),
        start, stop, use));
  }

  draw(run) {
    const lesson = run.kind === "lesson";
    this.#parts.lesson.hidden = !lesson;
    this.#parts.all.hidden = lesson;
    if (lesson) return;
    fill(this.#parts.prompt, h("span", { class: "field-label" }, "Text "), readOf(run));
    this.#running?.abort();
    this.#running = null;
    this.#empty();
    this.#during(false);
    this.#parts.guesses.draw(run);
  }

  #greedy() {
    const { greedy, temperature, top_k: topK, top_p: topP } = this.#parts;
    for (const one of [temperature, topK, topP]) {
      for (const input of one.element.querySelectorAll("input")) input.disabled = greedy.checked;
    }
  }

  get #settings() {
    const { temperature, top_k: topK, top_p: topP, greedy, seed, count } = this.#parts;
    const sampling = {
      temperature: temperature.value, top_k: topK.value, top_p: topP.value, greedy: greedy.checked,
    };
    return { sampling, seed: Number(seed.value), count: Number(count.value), top: TOP };
  }

  #empty() {
    const { tokens, draw, lens, use, status } = this.#parts;
    this.#events = [];
    this.#done = null;
    tokens.clear();
    clear(draw);
    clear(lens);
    use.hidden = true;
    status.textContent = "";
  }

  async #generate() {
    this.#running?.abort();
    const mine = new AbortController();
    this.#running = mine;
    this.#empty();
    this.#asked = this.#settings;
    this.#during(true);
    try {
      const how = { onEvent: (event) => mine === this.#running && this.#add(event),
        signal: mine.signal };
      this.#done = await this.store.stream("generate", this.#asked, how);
      say(this, "pel-say", { message: `Written: ${this.#done.text}` });
    } catch (error) {
      if (mine === this.#running) {
        this.#parts.status.textContent = error.name === "AbortError" ? "Stopped." : "";
      }
    } finally {
      if (mine === this.#running) {
        this.#running = null;
        this.#during(false);
      }
    }
  }

  #during(running) {
    const { start, stop, use } = this.#parts;
    const held = active();
    start.hidden = running;
    stop.hidden = !running;
    use.hidden = running || !this.#events.length;
    if (running && held === start) stop.focus();
    if (!running && held === stop) start.focus();
  }

  // The newest token is shown while the reader has not chosen another.
  #add(event) {
    const { tokens } = this.#parts;
    const follows = tokens.at === this.#events.length - 1;
    this.#events.push(event);
    tokens.add(event.piece);
    if (follows) {
      tokens.choose(this.#events.length - 1);
      this.#choose(this.#events.length - 1);
    }
  }

  #choose(at) {
    const event = this.#events[at];
    fill(this.#parts.draw, h("h3", {}, `Token ${at + 1}`), drawing(event));
    fill(this.#parts.lens, lensOfDraw(event));
  }

  // A text that was stopped is written once more, to where it was: the seed makes it the same.
  #use() {
    const asked = { ...this.#asked, count: this.#events.length, top: 1 };
    this.newest("use", async () => {
      const { text } = this.#done ?? (await this.store.stream("generate", asked));
      return this.store.change({ text });
    }, () => say(this, "pel-say", { message: "The text is the experiment's now" }));
  }
}

// A worked example's text ends in a token that is only a target: what is written follows the rest.
function readOf({ text, tokens, targets }) {
  const last = targets.at(-1)?.piece;
  if (!text) return tokens.map(({ piece }) => piece).join("");
  return last && text.endsWith(last) ? text.slice(0, -last.length).trimEnd() : text;
}

define("pel-generate", Generate);
