// <pel-train>: a small model trained on a pasted text, watched while it learns.

import "./chart.js";
import { active, clear, define, fill, h, say } from "../core/dom.js";
import { count as counted } from "../core/numbers.js";
import { button, choice, field, slider, whole } from "./controls.js";
import { Panel } from "./panel.js";
import { short } from "./pieces.js";

const SIZES = [["tiny", "Tiny: 2 blocks, width 32"], ["small", "Small: 3 blocks, width 64"]];
const TOLD = 5000; // milliseconds between two announcements to a screen reader

class Train extends Panel {
  #parts = {};
  #running = null;
  #done = null;
  #lines = [];

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#running?.abort();
  }

  build() {
    const { limits, defaults: { training } } = this.store.start;
    const made = {
      text: h("textarea", { rows: 7, spellcheck: "false", oninput: () => this.#ready(),
        placeholder: "Paste a text of some paragraphs: a story, a poem, a program." }),
      file: h("input", { type: "file", accept: "text/*,.md,.py", onchange: () => this.#read() }),
      size: choice([...SIZES, ["from", "Go on from the current model"]],
        training.size),
      count: whole(training.iterations, 1, limits.iterations),
      rate: slider({ label: "Learning rate", min: 1e-5, max: 0.1,
        value: training.learning_rate, log: true }),
      seed: whole(training.seed, 0, Number.MAX_SAFE_INTEGER),
      start: button("Train", () => this.#train(), { class: "do main" }),
      stop: button("Stop", () => this.#running?.abort(), { hidden: true }),
      look: button("Look inside", () => this.#look(), { class: "do main", hidden: true }),
      length: h("span", { class: "hint" }),
      progress: h("progress", { max: 1, value: 0, hidden: true, "aria-label": "Iterations done" }),
      standing: h("p", { class: "standing hint" }),
      chart: h("pel-chart", { hidden: true }),
      samples: h("ol", { class: "samples" }),
    };
    this.#parts = made;
    fill(this, h("h2", { class: "unseen" }, "Train on a text"), h("div", { class: "columns" },
      h("div", { class: "form" },
        field("Text", made.text, "It stays on this machine."),
        h("div", { class: "actions" },
          h("label", { class: "field inline" }, h("span", { class: "unseen" }, "Text from a file"),
            made.file), made.length),
        field("Model", made.size),
        h("div", { class: "pair" }, field("Iterations", made.count), field("Seed", made.seed)),
        made.rate.element,
        h("div", { class: "actions" }, made.start, made.stop, made.look)),
      h("div", {}, made.progress, made.standing, made.chart, made.samples)));
    this.#ready();
  }

  draw(run) {
    const from = [...this.#parts.size.options].find(({ value }) => value === "from");
    from.disabled = run.reads.join() !== "tokens";
    from.textContent = from.disabled
      ? "Go on from a model of one text (this is none)"
      : `Go on from ${run.title}`;
    if (from.disabled && from.selected) this.#parts.size.value = SIZES[0][0];
  }

  #ready() {
    const { text, length, start } = this.#parts;
    const size = [...text.value].length;
    const least = this.store.start.limits.training_text;
    start.disabled = size < least || this.#running !== null;
    length.textContent = size === 0 ? "" : size < least
      ? `${counted(size)} characters: at least ${least} are needed`
      : `${counted(size)} characters`;
  }

  async #read() {
    const [file] = this.#parts.file.files;
    if (!file) return;
    this.#parts.text.value = await file.text();
    this.#ready();
  }

  get #settings() {
    const { size, count, rate, seed } = this.#parts;
    const from = size.value === "from";
    return {
      iterations: Number(count.value), learning_rate: rate.value, seed: Number(seed.value),
      ...(from ? { from: this.store.experiment } : { size: size.value }),
    };
  }

  async #train() {
    this.#running = new AbortController();
    this.#done = null;
    this.#lines = [
      { name: "training loss", points: [] }, { name: "validation loss", points: [] },
    ];
    const settings = this.#settings;
    const before = this.store.experiment;
    const { text, samples, chart, standing } = this.#parts;
    clear(samples);
    this.#during(true);
    chart.hidden = false;
    standing.textContent = "Beginning …";
    say(this, "pel-say", { message: "Training begins" });
    let told = performance.now();
    const onEvent = (event) => {
      this.#show(event, settings.iterations);
      if (performance.now() < told + TOLD) return;
      told = performance.now();
      say(this, "pel-say", { message: `iteration ${event.iteration}, loss ${short(event.loss)}` });
    };
    const how = { onEvent, signal: this.#running.signal };
    try {
      this.#done = await this.store.stream("train", { text: text.value, settings }, how);
      say(this, "pel-say", { message: "Trained. Look inside shows the model." });
      // The bar goes on with it, unless something else is looked at by now.
      if (this.store.experiment === before && this.checkVisibility()) await this.#open();
    } catch (error) {
      const stopped = error.name === "AbortError";
      if (stopped) say(this, "pel-say", { message: "Training stopped" });
      standing.textContent = stopped
        ? `${standing.textContent} Stopped: a stopped model is not kept.`
        : "It was not trained: the message above says why.";
    } finally {
      this.#running = null;
      this.#during(false);
    }
  }

  #during(running) {
    const { start, stop, look, progress } = this.#parts;
    const held = active();
    stop.hidden = !running;
    start.hidden = running;
    progress.hidden = !running;
    look.hidden = this.#done === null;
    this.#ready();
    if (running && held === start) stop.focus();
    if (!running && held === stop) (look.hidden ? start : look).focus();
  }

  #show(event, all) {
    const { progress, standing, chart, samples } = this.#parts;
    const { iteration, loss, validation_loss: validation, tokens_per_second: speed } = event;
    this.#lines[0].points.push([iteration, loss]);
    if (validation !== null) this.#lines[1].points.push([iteration, validation]);
    const series = this.#lines.filter(({ points }) => points.length);
    chart.data = { title: "Loss", x: "iteration", y: "loss in nats", series };
    progress.value = iteration / all;
    standing.textContent = `Iteration ${counted(iteration)} of ${counted(all)}: loss ` +
      `${short(loss)}, ${counted(Math.round(speed))} tokens per second.`;
    if (event.sample) samples.prepend(this.#sample(event));
  }

  #sample({ iteration, validation_loss: validation, sample }) {
    const loss = validation === null ? "" : `, validation loss ${short(validation)}`;
    return h("li", {},
      h("p", { class: "hint" }, `After ${counted(iteration)} iterations${loss}`),
      h("p", { class: "sample" }, sample));
  }

  #open() {
    const { subject, text } = this.#done;
    const { next } = this.store.experiment;
    return this.store.show({ subject, text, actions: [], next });
  }

  async #look() {
    const { subject } = this.#done;
    const run = await this.#open();
    if (run?.subject?.trained === subject.trained) say(this, "pel-look", { node: null });
  }
}

define("pel-train", Train);
