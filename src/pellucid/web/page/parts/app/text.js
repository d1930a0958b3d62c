// The text, which is run as one types; Run and Enter run it at once.

import { active, h, set } from "../../core/dom.js";

const CALM = 350; // milliseconds without a key after which what was typed is run

/** The text's form: {element, field, update()}. */
export function textForm(app) {
  const { store } = app;
  const field = h("textarea", { rows: 1, "aria-label": "Text", spellcheck: "false" });
  const source = h("textarea", { rows: 1, "aria-label": "Source", spellcheck: "false",
    title: "The text that the encoder reads" });
  const run = h("button", { class: "main", type: "submit" }, "Run");
  const element = h("form", { class: "pel-text" }, field, run);
  let later = 0;
  let wanted = null; // what is to be run next
  let running = false;
  let typed = false; // whether the fields are ahead of the run

  // One run at a time: of what is typed meanwhile only the last is run.
  async function follow(said) {
    clearTimeout(later);
    later = 0;
    wanted = said;
    if (running) return;
    running = true;
    while (wanted !== null) {
      [said, wanted] = [wanted, null];
      await runText(app, said);
    }
    running = false;
  }

  // A model that reads two texts has a source beside the text.
  function said() {
    return { text: field.value, ...(source.isConnected && { source: source.value }) };
  }

  for (const one of [source, field]) {
    one.addEventListener("input", () => {
      clearTimeout(later);
      typed = true;
      const now = said();
      later = setTimeout(() => {
        later = 0;
        const { text, source_text: read } = store.run ?? {};
        const same = now.text === text && (now.source ?? read) === read;
        if (one.value.trim() && !same) follow(now);
      }, CALM);
    });
    one.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey) return;
      if (event.isComposing) return;
      event.preventDefault();
      follow(said());
    });
  }
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    follow(said());
  });

  return {
    element,
    field,

    /** Run what was typed and not run yet. */
    async settle() {
      if (ahead()) await follow(said());
    },

    update() {
      if (store.start) source.maxLength = field.maxLength = store.start.limits.text;
      const { run: shown } = store;
      const now = shown?.text ?? store.start?.default.text ?? "";
      const read = shown?.source_text ?? "";
      const two = shown?.reads.includes("source");
      if (!two) source.remove();
      else if (!source.isConnected) element.prepend(source);
      set(field, { "aria-label": two ? "Target so far" : "Text" });
      field.rows = Math.min(6, now.split("\n").length);
      if (field.value === now && source.value === read) typed = false;
      else if (!ahead()) [field.value, source.value] = [now, read];
    },
  };

  // What one is typing, or what is still to be run, stays, whatever run comes meanwhile.
  function ahead() {
    return typed && (later > 0 || wanted !== null || [field, source].includes(active()));
  }
}

/** Run what is said, {text, source}; where it cannot be run with the edits, offer to run it without. */
export async function runText(app, said) {
  const { store } = app;
  const before = store.run;
  const run = await store.change(said);
  if (run === before && run?.changed) {
    // What was set at a place of one text may be at none of another.
    app.offer("Run it without the edits", () => store.show({ ...store.baseline, ...said }));
  }
}
