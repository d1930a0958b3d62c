// The form that takes an activation over from a run on another text.

import { fill, h, say } from "../core/dom.js";
import { shapeText } from "../core/numbers.js";
import { button, field } from "./controls.js";
import { indexOf, wrong } from "./place.js";
import { byName } from "./tensors.js";

/** Patch an activation from another prompt: {element, draw(run)}. */
export function patchForm(panel) {
  const name = h("select", { onchange: () => check() });
  const index = h("input", { type: "text", class: "index", placeholder: "all", spellcheck: "false",
    autocomplete: "off", oninput: () => check() });
  const text = h("textarea", { rows: 2, oninput: () => check() });
  const source = h("textarea", { rows: 1, oninput: () => check() });
  const sourceField = field("Its source", source);
  const said = h("p", { class: "hint", role: "status" });
  const submit = button("Patch", () => {}, { type: "submit" });
  let tensors = new Map();

  const form = h("form", { class: "form patch-form", onsubmit: (event) => patch(event) },
    h("p", { class: "hint" }, "The other text is run, and its numbers at these places stand in " +
      "for the ones here. It needs as many tokens."),
    field("Activation", name),
    field("Places", index, "A position, such as 3; of attention a head and a position, 0,3."),
    field("Other text", text), sourceField, said,
    h("div", { class: "actions" }, submit));
  const summary = h("summary", {}, "Patch from another text");
  const element = h("details", { class: "patch" }, summary, form);

  function check() {
    const shape = tensors.get(name.value)?.shape;
    const at = indexOf(index.value);
    const trouble = shape ? wrong(at, shape) : "";
    said.textContent = trouble || (shape ? `${name.value} is ${shapeText(shape)}.` : "");
    submit.disabled = Boolean(trouble) || at === null || !name.value ||
      !(text.value || !sourceField.hidden);
  }

  async function patch(event) {
    event.preventDefault();
    if (submit.disabled) return;
    const place = { name: name.value, index: indexOf(index.value) };
    const from = sourceField.hidden ? {} : { source: source.value };
    const action = { do: "patch", ...place, text: text.value, ...from };
    const before = panel.store.run;
    const run = await panel.store.act(action);
    if (run !== before) say(panel, "pel-say", { message: `${action.name} is patched` });
  }

  return {
    element,
    draw(run) {
      tensors = byName(run.outline);
      const own = new Set(run.parameters);
      const kept = name.value;
      const names = run.editable.filter((one) => !own.has(one));
      fill(name, names.map((one) => h("option", { value: one }, one)));
      const first = names.find((one) => one.endsWith("resid_post")) ?? names[0];
      name.value = names.includes(kept) ? kept : first;
      if (!text.value) text.value = run.text ?? "";
      sourceField.hidden = !run.reads.includes("source");
      if (!source.value) source.value = run.source_text;
      check();
    },
  };
}
