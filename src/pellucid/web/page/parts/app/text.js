// The text, which is run as one types; Run and Enter run it at once.

import { active, h } from "../../core/dom.js";

const CALM = 350; // milliseconds without a key after which what was typed is run

/** The text's form: {element, field, update()}. */
export function textForm(app) {
  const { store } = app;
  const field = h("textarea", { rows: 1, "aria-label": "Text", spellcheck: "false" });
  const run = h("button", { class: "main", type: "submit" }, "Run");
  const element = h("form", { class: "pel-text" }, field, run);
  let later = 0;
  let wanted = null; // the newest text that is to be run
  let running = false;
  let typed = false; // whether the field is ahead of the run

  // One run at a time: of what is typed meanwhile only the last is run.
  async function follow(text) {
    clearTimeout(later);
    wanted = text;
    if (running) return;
    running = true;
    while (wanted !== null) {
      [text, wanted] = [wanted, null];
      await runText(app, text);
    }
    running = false;
  }

  field.addEventListener("input", () => {
    clearTimeout(later);
    typed = true;
    const text = field.value;
    later = setTimeout(() => {
      if (text.trim() && text !== store.run?.text) follow(text);
    }, CALM);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey) return;
    if (event.isComposing) return;
    event.preventDefault();
    follow(field.value);
  });
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    follow(field.value);
  });

  return {
    element,
    field,

    /** Run what was typed and not run yet. */
    async settle() {
      if (ahead()) await follow(field.value);
    },

    update() {
      if (store.start) field.maxLength = store.start.limits.text;
      const now = store.run?.text ?? store.start?.default.text ?? "";
      if (field.value === now) typed = false;
      else if (!ahead()) field.value = now;
    },
  };

  // What one is typing stays, whatever run comes meanwhile.
  function ahead() {
    return typed && active() === field;
  }
}

/** Run a text; where it cannot be run with the edits, offer to run it without. */
export async function runText(app, text) {
  const { store } = app;
  const before = store.run;
  const run = await store.change({ text });
  if (run === before && run?.changed) {
    // What was set at a place of one text may be at none of another.
    app.offer("Run it without the edits", () => store.show({ ...store.baseline, text }));
  }
}
