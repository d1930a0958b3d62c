// <pel-generate>: the model writes on; for each token its candidates and the number that chose it.

import { active, clear, define, fill, h, say } from "../core/dom.js";
import { alignment } from "./alignment.js";
import { button, whole } from "./controls.js";
import { drawing, lensOfDraw } from "./draw.js";
import { Panel, lessonLine } from "./panel.js";
import { guesses } from "./guesses.js";
import { strip } from "./strip.js";

const TOP = 12;
const NAMES = "This model names the class of what it reads, and writes nothing after it: its " +
  "classes, and how likely each is, are below.";

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
    const made = {
      greedy: h("input", { type: "checkbox" }),
      seed: whole(0, 0, Number.MAX_SAFE_INTEGER),
      count: whole(20, 1, limit),
      start: button("Generate", () => this.#generate({}), { class: "do main" }),
      anew: button("Translate", () => this.#generate({ text: "" }), { class: "do main" }),
      stop: button("Stop", () => this.#running?.abort(), { hidden: true }),
      use: button("Use this text", () => this.#use(), { hidden: true }),
      prompt: h("p", { class: "prompt" }),
      tokens: strip("Generated tokens", (at) => this.#choose(at)),
      status: h("p", { class: "hint", role: "status" }),
      draw: h("div", { class: "draw" }),
      lens: h("div", { class: "draw-lens" }),
      guesses: guesses(this),
      alignment: alignment(this),
      none: h("p", { class: "empty" }),
    };
    this.#parts = made;
    made.writing = h("div", {}, this.#form(), h("section", { class: "written" },
      made.prompt, made.tokens.element, made.status,
      h("div", { class: "columns even" }, made.draw, made.lens)));
    fill(this, h("h2", { class: "unseen" }, "Generate"), made.none, made.writing,
      made.alignment.element, made.guesses.element);
  }

  #form() {
    const { greedy, seed, count, start, anew, stop, use } = this.#parts;
    const inline = (label, control) => h("label", { class: "field inline" }, control,
      h("span", { class: "field-label" }, label));
    return h("form", { class: "sampling", onsubmit: (event) => event.preventDefault() },
      h("div", { class: "actions" },
        inline("greedy", greedy),
        h("label", { class: "field beside" }, h("span", { class: "field-label" }, "Seed"), seed),
        h("label", { class: "field beside" }, h("span", { class: "field-label" }, "Tokens"), count),
        anew, start, stop, use),
      h("p", { class: "hint" }, "Temperature, top-k and top-p are those of the bar above."));
  }

  draw(run) {
    const { none, writing, guesses: said, prompt, anew, start } = this.#parts;
    const lesson = run.kind === "lesson";
    none.hidden = run.writes;
    fill(none, lesson ? lessonLine(this.store) : NAMES);
    writing.hidden = !run.writes;
    said.element.hidden = lesson;
    this.#parts.alignment.element.hidden = lesson;
    if (lesson) return;
    // A translation begins anew, or goes on from the target so far.
    const two = run.reads.includes("source");
    start.textContent = two ? "Go on" : "Generate";
    start.classList.toggle("main", !two);
    anew.hidden = !two;
    fill(prompt, h("span", { class: "field-label" }, two ? "Source " : "Text "),
      two ? run.source_text : readOf(run));
    this.#running?.abort();
    this.#running = null;
    this.#empty();
    this.#during(false);
    this.#parts.guesses.draw(run);
    this.#parts.alignment.draw(run);
  }

  get #settings() {
    const { greedy, seed, count } = this.#parts;
    const sampling = { ...this.store.sampling, greedy: greedy.checked };
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

  // `said` is what of the experiment is otherwise: a translation begins with an empty target.
  async #generate(said) {
    this.#running?.abort();
    const mine = new AbortController();
    this.#running = mine;
    this.#empty();
    this.#asked = { ...this.#settings, experiment: { ...this.store.experiment, ...said } };
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
    const { start, anew, stop, use } = this.#parts;
    const held = active();
    start.hidden = running;
    anew.hidden = running || !this.store.run.reads.includes("source");
    stop.hidden = !running;
    use.hidden = running || !this.#events.length;
    if (running && [start, anew].includes(held)) stop.focus();
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
