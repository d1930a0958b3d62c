// The form that sets numbers: whose, at which place, to what.

import { fill, h, say } from "../core/dom.js";
import { numberName, shapeText } from "../core/numbers.js";
import { button, field, fresh } from "./controls.js";
import { number } from "./pieces.js";
import { indexOf, picked, windowOf, wrong } from "./place.js";
import { byName } from "./tensors.js";

/** Set a weight, an embedding, an activation: {element, draw(run), open({name, index})}. */
export function setForm(panel) {
  const list = fresh("names");
  const names = h("datalist", { id: list });
  const name = h("input", { type: "text", list, spellcheck: "false", autocomplete: "off",
    class: "name", placeholder: "h.0.attn.att", oninput: () => check() });
  const index = h("input", { type: "text", class: "index", spellcheck: "false", autocomplete: "off",
    placeholder: "all", oninput: () => check() });
  const value = h("input", { type: "number", step: "any", required: true, class: "exact",
    oninput: () => ready() });
  const now = h("p", { class: "now hint", role: "status" });
  const submit = button("Set", () => {}, { type: "submit", class: "do main" });
  let tensors = new Map();
  let place = null; // {name, index} where both are right

  const element = h("form", { class: "form set-form", onsubmit: (event) => set(event) },
    h("h3", {}, "Set a number"),
    field("Name", name), names,
    h("div", { class: "pair" },
      field("Index", index, "Its first axes only: all below them."), field("New value", value)),
    now, h("div", { class: "actions" }, submit));

  const shapeOf = () => tensors.get(name.value.trim())?.shape;

  function check() {
    place = null;
    const wanted = name.value.trim();
    const at = indexOf(index.value);
    const shape = shapeOf();
    index.disabled = !wanted;
    if (!wanted) {
      now.textContent = "";
    } else if (!shape) {
      now.textContent = "Choose one of the names that can be changed.";
    } else if (wrong(at, shape)) {
      now.textContent = wrong(at, shape);
    } else {
      place = { name: wanted, index: at };
      current(shape);
    }
    ready();
  }

  function current(shape) {
    const { name: wanted, index: at } = place;
    const count = picked(at, shape);
    const size = shape.length ? ` of ${shapeText(shape)}` : "";
    if (at.length < shape.length) {
      now.textContent = `Sets ${count.toLocaleString("en-US")} numbers${size}.`;
      return;
    }
    now.textContent = `One number${size}.`;
    const ask = () => panel.store.tensor(windowOf(wanted, at));
    panel.newest("now", ask, ({ texts, values }) => {
      if (place?.name !== wanted) return;
      fill(now, "It is ", number(numberName(wanted, at), texts[0][0], values[0][0]), " now.");
    });
  }

  function ready() {
    submit.disabled = !place || value.value === "";
  }

  async function set(event) {
    event.preventDefault();
    if (!place || value.value === "") return;
    const action = { do: "set", ...place, value: Number(value.value) };
    const before = panel.store.run;
    const run = await panel.store.act(action);
    const message = `${numberName(action.name, action.index)} set to ${value.value}`;
    if (run !== before) say(panel, "pel-say", { message });
  }

  return {
    element,
    draw(run) {
      tensors = byName(run.outline);
      const known = [...new Set([...run.editable, ...run.parameters])];
      for (const one of [...tensors.keys()]) if (!known.includes(one)) tensors.delete(one);
      fill(names, known.map((one) => h("option", { value: one })));
      check();
    },
    open({ name: wanted, index: at = [] }) {
      name.value = wanted;
      index.value = at.join(",");
      value.value = "";
      check();
      element.scrollIntoView({ block: "nearest" });
      value.focus();
    },
  };
}
