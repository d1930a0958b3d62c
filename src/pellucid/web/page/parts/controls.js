// Labelled controls: fields, choices, buttons, and sliders with an exact input beside them.

import { active, h } from "../core/dom.js";

let made = 0;

/** An id that no other element has. */
export function fresh(stem) {
  made += 1;
  return `${stem}-${made}`;
}

/** A control under its label. */
export function field(label, control, hint = null) {
  return h(
    "label",
    { class: "field" },
    h("span", { class: "field-label" }, label),
    control,
    hint && h("small", { class: "hint" }, hint),
  );
}

/** A button that does something. */
export function button(text, onclick, attributes = {}) {
  return h("button", { type: "button", class: "do", onclick, ...attributes }, text);
}

/** A select of [value, text] options; its value is said to onchange. */
export function choice(options, value, onchange = () => {}) {
  const all = options.map(([one, text]) => {
    return h("option", { value: one, selected: one === value }, text);
  });
  return h("select", { onchange: (event) => onchange(event.target.value) }, all);
}

/** One of a few, side by side: radio buttons; {element, value}. */
export function switcher(legend, options, value, onchange = () => {}) {
  const name = fresh("switch");
  const radios = options.map(([one, text]) => {
    const radio = h("input", { type: "radio", name, value: one, checked: one === value });
    return { radio, label: h("label", {}, radio, h("span", {}, text)) };
  });
  const element = h(
    "fieldset",
    { class: "switcher", onchange: (event) => onchange(event.target.value) },
    h("legend", { class: "field-label" }, legend),
    h("div", { class: "switches" }, radios.map(({ label }) => label)),
  );
  return {
    element,
    get value() {
      return radios.find(({ radio }) => radio.checked)?.radio.value ?? value;
    },
    set value(value) {
      for (const { radio } of radios) radio.checked = radio.value === value;
    },
  };
}

/** A whole number's input. */
export function whole(value, min, max, attributes = {}) {
  return h("input", { type: "number", value, min, max, step: 1, class: "whole", ...attributes });
}

const PLACES = 1000;

/**
 * A slider with an exact input beside it: {element, value}. With `log` each bit of way multiplies.
 * With `all` (a word) the slider's end, and an empty input, mean null: no limit. `onchange` hears
 * of a value that was chosen, `oninput` of each on the way there.
 */
export function slider({ label, min, max, value, log = false, all = null, step = null, hint,
  onchange = () => {}, oninput = () => {} }) {
  const to = log ? Math.log : (one) => one;
  const from = log ? Math.exp : (one) => one;
  const [low, high] = [to(min), to(max)];
  const id = fresh("exact");
  const said = `${label}, slider`;
  const range = h("input", { type: "range", min: 0, max: PLACES, "aria-label": said });
  const exact = h("input", { type: "number", id, class: "exact", placeholder: all,
    step: step ?? "any", min: step ? min : 0 });
  const place = (one) => Math.round(((to(one) - low) / (high - low)) * PLACES);
  let now = value;

  function show() {
    range.value = now === null ? PLACES : place(Math.min(max, Math.max(min, now)));
    const text = now === null ? all : brief(now);
    range.setAttribute("aria-valuetext", text);
    if (active() !== exact) exact.value = now === null ? "" : brief(now);
  }

  function slid() {
    const at = Number(range.value);
    const one = from(low + ((high - low) * at) / PLACES);
    now = all !== null && at >= PLACES ? null : rounded(one, step);
    show();
    oninput(now);
  }

  function typed() {
    const one = Number(exact.value);
    if (exact.value === "" && all !== null) now = null;
    else if (exact.value !== "" && Number.isFinite(one) && exact.validity.valid) now = one;
    show();
  }

  range.addEventListener("input", slid);
  range.addEventListener("change", () => onchange(now));
  exact.addEventListener("input", typed);
  exact.addEventListener("change", () => {
    exact.value = now === null ? "" : brief(now);
    onchange(now);
  });
  show();
  const element = h(
    "div",
    { class: "slider" },
    h("label", { class: "field-label", for: id }, label),
    h("div", { class: "slider-row" }, range, exact),
    hint && h("small", { class: "hint" }, hint),
  );
  return {
    element,
    get value() {
      return now;
    },
    set value(value) {
      now = value;
      show();
    },
  };
}

function rounded(value, step) {
  if (step) return Math.round(value / step) * step;
  const size = 10 ** (Math.floor(Math.log10(Math.abs(value) || 1)) - 1);
  return Number((Math.round(value / size) * size).toPrecision(2));
}

/** A setting as it stands in an input: 0.001, 1e-5. */
export function brief(value) {
  return String(Number(Number(value).toPrecision(12)));
}

/** Copy a text; true where the browser let us. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Escape closes the dialog that it is pressed in, and nothing behind it. */
export function keepEscape(event) {
  if (event.key === "Escape") event.stopPropagation();
}

/** A dialog with a source text and a button that copies it; it is taken away when closed. */
export function sourceDialog(host, title, source) {
  const said = h("span", { class: "hint", role: "status" });
  const text = h("textarea", { class: "source", readonly: true, rows: 18, "aria-label": title });
  text.value = source;
  const copied = async () => {
    const done = await copy(source);
    if (!done) text.select();
    said.textContent = done ? "Copied." : "Selected: copy it with Ctrl+C.";
  };
  const dialog = h(
    "dialog",
    { class: "source-dialog", "aria-label": title, onclose: () => dialog.remove(),
      onkeydown: keepEscape },
    h("div", { class: "dialog-bar" }, h("h2", {}, title), said, button("Copy", copied),
      button("Close", () => dialog.close())),
    text,
  );
  host.append(dialog);
  dialog.showModal();
  return dialog;
}
