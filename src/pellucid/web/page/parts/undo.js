// The buttons that take back what was done, and say what that is.

import { h, say, set } from "../core/dom.js";
import { actionsOf, inWords } from "./actions.js";
import { button } from "./controls.js";

/** Undo, redo, reset for a store: {element, update()}; update after each run. */
export function undoButtons(host, { reset = "Reset" } = {}) {
  const act = (what, said) => async () => {
    await host.store[what]();
    say(host, "pel-say", { message: said });
  };
  const undo = button("Undo", act("undo", "Undone"));
  const redo = button("Redo", act("redo", "Done again"));
  const all = button(reset, act("reset", "All that was done is left out"));
  return {
    element: h("div", { class: "actions", role: "group", "aria-label": "Undo" }, undo, redo, all),
    update() {
      const { store } = host;
      const last = actionsOf(store.experiment).at(-1);
      undo.disabled = all.disabled = !store.canUndo;
      redo.disabled = !store.canRedo;
      set(undo, { title: last ? `Undo: ${inWords(last)}` : null });
    },
  };
}
