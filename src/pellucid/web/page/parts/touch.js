// <pel-touch>: change any weight or activation by hand, and see what that does to the rest.

import { active, define, fill, h, say } from "../core/dom.js";
import { actionsOf, inWords, without } from "./actions.js";
import { button, sourceDialog } from "./controls.js";
import { effectView } from "./effect.js";
import { ablations } from "./ablations.js";
import { Panel, lessonLine } from "./panel.js";
import { ASKED } from "./side_by_side.js";
import { patchForm } from "./patch_form.js";
import { setForm } from "./set_form.js";
import { undoButtons } from "./undo.js";

class Touch extends Panel {
  #parts = {};
  #wanted = null;

  /** Open the editor at a number: {name, index}. */
  edit(detail) {
    this.#wanted = detail;
    this.render();
  }

  build() {
    const made = {
      lesson: h("p", { class: "empty" }),
      set: setForm(this),
      patch: patchForm(this),
      ablations: ablations(this),
      list: h("ol", { class: "done" }),
      undo: undoButtons(this),
      clear: button("Clear edits", () => this.#clear()),
      python: button("As Python", () => this.#python()),
      effect: h("section", { class: "effect", "aria-live": "off" }),
    };
    this.#parts = made;
    made.all = h("div", {},
      h("div", { class: "columns even" },
        h("div", {}, made.ablations.element,
          h("section", {}, h("h3", {}, "What was done"), made.list, made.undo.element,
            h("div", { class: "actions" }, made.clear, made.python))),
        h("div", {}, made.set.element, made.patch.element)),
      made.effect);
    fill(this, h("h2", { class: "unseen" }, "Touch"), made.lesson, made.all);
  }

  draw(run) {
    const lesson = run.kind === "lesson";
    this.#parts.lesson.hidden = !lesson;
    this.#parts.all.hidden = lesson;
    if (lesson) return void fill(this.#parts.lesson, lessonLine(this.store));
    for (const part of ["set", "patch", "ablations"]) this.#parts[part].draw(run);
    this.#parts.undo.update();
    this.#actions();
    this.#effect(run);
    if (this.#wanted) this.#parts.set.open(this.#wanted);
    this.#wanted = null;
  }

  #actions() {
    const { experiment } = this.store;
    const actions = actionsOf(experiment);
    const held = this.#parts.list.contains(active());
    fill(this.#parts.list, actions.map((action, place) => h("li", {},
      h("span", {}, inWords(action)),
      button("Remove", () => this.#remove(place, action),
        { class: "do small", "aria-label": `Remove: ${inWords(action)}` }))));
    if (!actions.length) {
      this.#parts.list.append(h("li", { class: "hint" }, "Nothing yet: the model is as it came."));
    }
    if (held) (this.#parts.list.querySelector("button") ?? this.#parts.python).focus();
    this.#parts.clear.disabled = !actions.some((one) => one.do !== "step");
  }

  async #remove(place, action) {
    await this.store.show(without(this.store.experiment, [place]));
    say(this, "pel-say", { message: `Removed: ${inWords(action)}` });
  }

  async #clear() {
    await this.store.show(this.store.baseline);
    say(this, "pel-say", { message: "No number is set by hand any more" });
  }

  #effect(run) {
    const { effect } = this.#parts;
    if (!run.changed) {
      this.newest("effect", () => Promise.resolve(null), () => fill(effect,
        h("h3", {}, "Effect"),
        h("p", { class: "hint" }, "Set a number, or ablate a head: here stands what it did to " +
          "loss, predictions, and every tensor, beside the run without it.")));
      return;
    }
    this.newest("effect", () => this.store.call("effect", { top: ASKED }), (answer) => {
      fill(effect, h("h3", {}, "Effect, against the unedited run"), effectView(answer, run));
      const [before, after] = answer.loss;
      if (after !== null) say(this, "pel-say", { message: `loss ${before} before, ${after} now` });
    });
  }

  #python() {
    this.newest("python", () => this.store.call("python"), ({ python }) => {
      sourceDialog(this, "The experiment as Python", python);
    });
  }
}

define("pel-touch", Touch);
