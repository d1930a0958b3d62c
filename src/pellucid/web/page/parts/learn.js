// <pel-learn>: the step of an optimizer before it is taken, taken, and taken back.

import "./chart.js";
import { active, define, fill, h, say, set } from "../core/dom.js";
import { OPTIMIZERS, actionsOf } from "./actions.js";
import { button, slider, switcher, whole } from "./controls.js";
import { Panel, lessonLine } from "./panel.js";
import { bytes, nats, number, short } from "./pieces.js";
import { losses } from "./position_losses.js";
import { parameterTable, stepNames, stepTensors } from "./step_tensors.js";
import { undoButtons } from "./undo.js";

const NO_LOSS = "Nothing in this text is to be predicted, so there is no loss to step down. Write " +
  "more of it; of a row of numbers, its class behind them.";

class Learn extends Panel {
  #parts = {};
  #chosen = null;
  #before = null; // {key, losses}: before the first step, of the experiment of that key
  #tabled = ""; // the names of the tensors that are shown

  rest() {
    this.#tabled = "";
    fill(this.#parts.tensors);
  }

  build() {
    const again = () => this.#setNext();
    const next = this.store.start.defaults.update;
    const made = {
      optimizer: switcher("Optimizer", OPTIMIZERS, next.optimizer, again),
      rate: slider({ label: "Learning rate", min: 1e-6, max: 10, value: next.learning_rate,
        log: true, onchange: again }),
      decay: slider({ label: "Weight decay", min: 0, max: 1, value: next.weight_decay,
        onchange: again }),
      count: whole(100, 1, 1000, { "aria-label": "How many steps" }),
      standing: h("p", { class: "standing" }),
      chart: h("pel-chart"),
      positions: h("div", { class: "scrolls", tabindex: 0, role: "group",
        "aria-label": "Loss by position" }),
      norms: h("div", { class: "scrolls parameters", tabindex: 0, role: "group",
        "aria-label": "Parameters" }),
      tensors: h("div", { class: "tensors" }),
      saved: h("p", { class: "saved", role: "status" }),
      undo: undoButtons(this),
    };
    this.#parts = made;
    made.steps = [1, 10].map((count) => button(count === 1 ? "Step" : `Step × ${count}`,
      () => this.#step(count), count === 1 ? { class: "do main" } : {}));
    made.steps.push(button("Step × n", () => this.#step(Number(made.count.value))));
    made.save = button("Save as a checkpoint", () => this.#save());
    made.lesson = h("p", { class: "empty" });
    made.all = h("div", {}, this.#form(), this.#figures());
    fill(this, h("h2", { class: "unseen" }, "Step by step"), made.lesson, made.all);
  }

  #form() {
    const { optimizer, rate, decay, count, steps, undo, save, saved, standing } = this.#parts;
    return h("div", { class: "columns" },
      h("div", { class: "form" },
        optimizer.element, rate.element, decay.element,
        h("div", { class: "actions" }, steps[0], steps[1],
          h("span", { class: "joined" }, count, steps[2])),
        undo.element,
        h("div", { class: "actions" }, save, saved)),
      h("div", {}, standing, this.#parts.chart));
  }

  #figures() {
    const { positions, norms, tensors } = this.#parts;
    return [
      h("section", {}, h("h3", {}, "Loss of each next token"),
        h("p", { class: "hint" }, "Before the first step, and now."), positions),
      h("section", {}, h("h3", {}, "What the next step does"),
        h("p", { class: "hint" }, "The lengths ‖·‖ of each parameter, of its gradient and of the " +
          "update that the step would add. Choose one to see its numbers."),
        norms, tensors),
    ];
  }

  draw(run) {
    const lesson = run.kind === "lesson";
    const why = lesson ? lessonLine(this.store) : run.loss === null ? NO_LOSS : "";
    fill(this.#parts.lesson, why);
    this.#parts.lesson.hidden = !why;
    this.#parts.all.hidden = why !== "";
    if (why) {
      this.rest();
      return;
    }
    this.#settings();
    if (this.#chosen) this.#tables(run);
    this.#parts.undo.update();
    this.#standing(run);
    this.#losses(run);
    this.#norms(run);
  }

  #settings() {
    const { optimizer, rate, decay } = this.#parts;
    const next = { ...this.store.start.defaults.update, ...this.store.experiment.next };
    optimizer.value = next.optimizer;
    // A field that is being typed in is left to who types.
    if (!rate.element.contains(active())) rate.value = next.learning_rate;
    if (!decay.element.contains(active())) decay.value = next.weight_decay;
    decay.element.hidden = next.optimizer !== "adamw";
    this.#parts.count.max = this.store.start.limits.steps;
  }

  get #next() {
    const { optimizer, rate, decay } = this.#parts;
    return {
      optimizer: optimizer.value, learning_rate: rate.value, weight_decay: decay.value,
    };
  }

  #setNext() {
    this.store.change({ next: this.#next });
  }

  async #step(count) {
    if (!(count >= 1)) return;
    const before = this.store.run;
    await this.store.act({ do: "step", ...this.#next, count: Math.floor(count) });
    const { run } = this.store;
    const taken = run.history.length - before.history.length; // of several clicks, what all came to
    if (taken <= 0) return;
    const many = taken === 1 ? "One step" : `${taken} steps`;
    const losses = `${short(before.loss)} to ${short(run.loss)}`;
    say(this, "pel-say", { message: `${many} taken: loss ${losses}` });
  }

  #standing({ history, loss }) {
    const taken = history.length - 1;
    fill(this.#parts.standing,
      h("span", { class: "loss-now" }, "loss ", number("loss", nats(loss), loss)),
      h("span", { class: "hint" }, taken === 0
        ? "no step taken yet"
        : `after ${taken} ${taken === 1 ? "step" : "steps"}, from ${nats(history[0])}`));
    this.#parts.chart.data = {
      title: "Loss", x: "step", y: "loss in nats",
      series: [{ name: "loss", points: history.map((one, step) => [step, one]) }],
    };
  }

  #losses(run) {
    const edits = actionsOf(this.store.experiment).filter((one) => one.do !== "step");
    const first = { ...this.store.experiment, actions: edits };
    delete first.next; // what a step would be changes no loss before it
    const key = JSON.stringify(first);
    if (run.history.length === 1) this.#before = { key, losses: run.losses };
    const known = this.#before?.key === key;
    const before = known ? this.#before : this.store.call("open", { experiment: first });
    this.#drawn("positions", Promise.resolve(before), (then) => {
      this.#before = { key, losses: then.losses };
      fill(this.#parts.positions, losses(run, then.losses));
    });
  }

  #norms(run) {
    this.#drawn("norms", this.store.call("norms"), ({ rows }) => {
      const names = rows.map(({ name }) => name);
      if (!names.includes(this.#chosen)) this.#chosen = names[0];
      const { norms } = this.#parts;
      const at = norms.scrollTop;
      const held = norms.contains(active());
      fill(norms, parameterTable(rows, this.#chosen, (name) => this.#choose(name)));
      norms.scrollTop = at;
      if (held) norms.querySelector("[aria-pressed=true]")?.focus({ preventScroll: true });
      this.#tables(run);
    });
  }

  // Until the answer has come, a part shows the run before, and is dimmed.
  #drawn(name, answer, show) {
    const part = this.#parts[name];
    set(part, { "aria-busy": "true" });
    this.newest(name, () => answer, (come) => {
      set(part, { "aria-busy": null });
      show(come);
    });
  }

  // Tables draw a new run by themselves: they are made anew where the names are others.
  #tables(run) {
    const names = stepNames(run, this.#chosen).map(([name]) => name).join(" ");
    if (names === this.#tabled) return;
    this.#tabled = names;
    fill(this.#parts.tensors, names && stepTensors(this.store, run, this.#chosen));
  }

  #choose(name) {
    this.#chosen = name;
    for (const one of this.#parts.norms.querySelectorAll("[aria-pressed]")) {
      one.setAttribute("aria-pressed", String(one.dataset.name === name));
    }
    this.#tables(this.store.run);
  }

  #save() {
    const { saved, save } = this.#parts;
    save.disabled = true;
    saved.textContent = "Writing …";
    this.newest("save", () => this.store.call("checkpoint"), ({ download, name, bytes: size }) => {
      fill(saved, h("a", { href: this.store.url(download), download: name }, name),
        ` ${bytes(size)}`);
    }).then((done) => {
      save.disabled = false;
      if (!done) saved.textContent = "";
    });
  }
}

define("pel-learn", Learn);
