// The bar: home, what is looked at, the text, the tabs, and what can be done with the view.

import { active, fill, h, set } from "../../core/dom.js";
import { count, lossText } from "../../core/numbers.js";
import { icon } from "../icons.js";
import { menu } from "./menu.js";
import { theme } from "./theme.js";

const TABS = {
  see: "See",
  learn: "Learn",
  touch: "Touch",
  generate: "Generate",
  analyze: "Analyze",
  compare: "Compare",
};
const STILL = new Set(["learn", "touch", "generate", "analyze"]); // what a lesson without a model cannot do

/** The bar of an app: {element, ready(), update()}. */
export function bar(app) {
  const { store } = app;
  const home = h("button", { class: "pel-home quiet", onclick: () => app.home() }, "Pellucid");
  const subject = h("select", { class: "pel-subject", "aria-label": "Model or example" });
  const field = h("textarea", { rows: 1, "aria-label": "Text", spellcheck: "false" });
  const run = h("button", { class: "main", type: "submit" }, "Run");
  const form = h("form", { class: "pel-text" }, field, run);
  const undo = tool("undo", "Undo", "Undo (Ctrl Z)", () => store.undo());
  const redo = tool("redo", "Redo", "Redo (Ctrl Shift Z)", () => store.redo());
  const look = tool("auto", "Theme", "", () => themed(theme.set()));
  const tools = h("div", { class: "pel-tools" }, undo, redo, menu(app), look);
  const tabs = h("div", { class: "pel-tabs", role: "tablist", "aria-label": "Views" });
  const facts = h("p", { class: "pel-facts muted tabular" });
  const rows = [
    h("div", { class: "pel-bar-row" }, home, subject, form, tools),
    h("div", { class: "pel-bar-row pel-bar-tabs" }, tabs, facts),
  ];
  const element = h("header", { class: "pel-bar" }, rows);
  for (const [view, title] of Object.entries(TABS)) {
    const made = h("button", { role: "tab", id: `pel-tab-${view}`, "data-tab": view }, title);
    made.addEventListener("click", () => app.show(view));
    tabs.append(made);
  }
  tabs.addEventListener("keydown", (event) => moved(event, tabs));
  subject.addEventListener("change", () => picked(app, JSON.parse(subject.value)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    asked(app, field.value);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    asked(app, field.value);
  });

  function themed(name) {
    look.replaceChildren(icon(name));
    set(look, { "aria-label": `Theme: ${name}`, title: `Theme: ${name}` });
  }

  themed(theme.now);
  return {
    element,
    ready: () => fillSubjects(subject, store.start),
    update() {
      const { run: now } = store;
      undo.disabled = !store.canUndo;
      redo.disabled = !store.canRedo;
      element.classList.toggle("pel-bar-start", app.view === "start");
      rows[1].hidden = app.view === "start" || !now;
      form.hidden = !now || now.kind === "lesson";
      subject.hidden = tools.hidden = !now;
      if (!now) return;
      if (active() !== field) field.value = now.text ?? store.experiment.text ?? "";
      field.maxLength = store.start.limits.text;
      chosen(subject, store.experiment.subject);
      fill(facts, factsOf(now));
      for (const one of tabs.children) marked(one, app.view, now.kind);
    },
  };
}

function tool(name, label, title, onclick) {
  const said = { "aria-label": label, title: title || label };
  return h("button", { class: "quiet", ...said, onclick }, icon(name));
}

function marked(one, view, kind) {
  const { tab } = one.dataset;
  const on = tab === view;
  set(one, { "aria-selected": String(on), tabindex: on ? "0" : "-1" });
  set(one, { "aria-controls": on ? `pel-${tab}` : null });
  one.disabled = kind === "lesson" && STILL.has(tab);
  one.title = one.disabled ? "This example shows a fixed way: there is no model to change" : "";
}

function moved(event, tabs) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const all = [...tabs.children].filter((one) => !one.disabled);
  const at = all.indexOf(event.target);
  if (!step || at < 0) return;
  event.preventDefault();
  const next = all[(at + step + all.length) % all.length];
  next.click();
  next.focus();
}

function fillSubjects(select, { models, examples }) {
  const models_ = models.map(({ name }) => option({ model: name }, name));
  const of = (kind) => examples.filter((one) => one.kind === kind);
  const made = (kind) => of(kind).map(({ name, title }) => option({ example: name }, title));
  fill(
    select,
    h("optgroup", { label: "Models" }, models_),
    h("optgroup", { label: "Worked examples, interactive" }, made("model")),
    h("optgroup", { label: "Worked examples to read" }, made("lesson")),
  );
}

function option(subject, title) {
  return h("option", { value: JSON.stringify(subject) }, title);
}

function chosen(select, subject) {
  const value = JSON.stringify(subject);
  if (![...select.options].some((one) => one.value === value)) {
    select.append(option(subject, "Trained here"));
  }
  select.value = value;
}

async function picked(app, subject) {
  const { text } = app.store.experiment ?? {};
  // A text may be asked of any model; an example begins with its own.
  await app.store.show(subject.model && text ? { subject, text } : { subject });
  if (app.view === "start" || app.store.run.kind === "lesson") app.show("see");
  else app.show(app.view);
}

// What was set at a place of one text may be at none of another: then it can be left out.
async function asked(app, text) {
  const { store } = app;
  const before = store.run;
  const run = await store.show({ ...store.experiment, text });
  if (app.view === "start") app.show("see");
  if (run === before && run.changed) {
    app.offer("Run it without the edits", () => store.show({ ...store.baseline, text }));
  }
}

function factsOf({ model, tokens, loss }) {
  if (!model) return "";
  const parts = [
    `${model.layers} ${model.layers === 1 ? "block" : "blocks"}`,
    `${model.heads} ${model.heads === 1 ? "head" : "heads"}`,
    `width ${count(model.width)}`,
    `${count(model.parameters)} parameters`,
    `${tokens.length} tokens`,
  ];
  const said = parts.map((part) => h("span", {}, part));
  if (loss !== null) said.push(h("strong", {}, `loss ${lossText(loss)}`));
  return said;
}
