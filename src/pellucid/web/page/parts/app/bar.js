// The bar: home, what is looked at, the text, the tabs, and what can be done with the view.

import { fill, h, set } from "../../core/dom.js";
import { count, lossText } from "../../core/numbers.js";
import { icon } from "../icons.js";
import { edited } from "./edited.js";
import { menu } from "./menu.js";
import { nextBar } from "./next.js";
import { picker } from "./picker.js";
import { textForm } from "./text.js";
import { theme } from "./theme.js";

const TABS = {
  see: "See",
  learn: "Learn",
  touch: "Touch",
  generate: "Generate",
  analyze: "Analyze",
  compare: "Compare",
};
const READ = { tokens: "token", windows: "window", inputs: "row" }; // at each place of a run

/** The bar of an app: {element, ready(), update(), settle()}. */
export function bar(app) {
  const { store } = app;
  const home = h("button", { class: "pel-home quiet", onclick: () => app.home() }, "Pellucid");
  const subject = picker(app);
  const text = textForm(app);
  const next = nextBar(app);
  const mark = edited(app);
  const undo = tool("undo", "Undo", "Undo (Ctrl Z)", () => store.undo());
  const redo = tool("redo", "Redo", "Redo (Ctrl Shift Z)", () => store.redo());
  const look = tool("auto", "Theme", "", () => themed(theme.set()));
  const tools = h("div", { class: "pel-tools" }, undo, redo, menu(app), look);
  const tabs = h("div", { class: "pel-tabs", role: "tablist", "aria-label": "Views" });
  const tour = h("button", { class: "pel-tour-button", onclick: () => app.tour() }, "Tour");
  const facts = h("p", { class: "pel-facts muted tabular" });
  const element = h("header", { class: "pel-bar" },
    h("div", { class: "pel-bar-row" }, home, subject.element, text.element, tools),
    next.element,
    h("div", { class: "pel-bar-row pel-bar-tabs" }, tour, tabs, mark.element, facts));
  for (const [view, title] of Object.entries(TABS)) {
    const made = h("button", { role: "tab", id: `pel-tab-${view}`, "data-tab": view }, title);
    made.addEventListener("click", () => app.show(view));
    tabs.append(made);
  }
  tabs.addEventListener("keydown", (event) => moved(event, tabs));

  function themed(name) {
    look.replaceChildren(icon(name));
    set(look, { "aria-label": `Theme: ${name}`, title: `Theme: ${name}` });
  }

  themed(theme.now);
  return {
    element,
    settle: text.settle,
    ready() {
      subject.ready();
      this.update();
    },
    update() {
      const { run: now } = store;
      undo.disabled = !store.canUndo;
      redo.disabled = !store.canRedo;
      set(tour, { "aria-pressed": String(app.touring) });
      text.element.hidden = now?.kind === "lesson";
      for (const one of [subject, text, next, mark]) one.update();
      fill(facts, now ? factsOf(now) : "");
      for (const one of tabs.children) marked(one, app.view);
    },
  };
}

function tool(name, label, title, onclick) {
  const said = { "aria-label": label, title: title || label };
  return h("button", { class: "quiet", ...said, onclick }, icon(name));
}

function marked(one, view) {
  const { tab } = one.dataset;
  const on = tab === view;
  set(one, { "aria-selected": String(on), tabindex: on ? "0" : "-1" });
  set(one, { "aria-controls": on ? `pel-${tab}` : null });
}

function moved(event, tabs) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const all = [...tabs.children];
  const at = all.indexOf(event.target);
  if (!step || at < 0) return;
  event.preventDefault();
  const next = all[(at + step + all.length) % all.length];
  next.click();
  next.focus();
}

function many(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function factsOf({ model, reads, tokens, source_tokens: sources, loss }) {
  if (!model) return "";
  const parts = [
    model.layers && many(model.layers, "block"),
    model.heads && many(model.heads, "head"),
    model.width && `width ${count(model.width)}`,
    `${count(model.parameters)} parameters`,
    sources.length && many(sources.length, "source token"),
    many(tokens.length, READ[reads.at(-1)]),
  ].filter(Boolean);
  const said = parts.map((part) => h("span", {}, part));
  if (loss !== null) said.push(h("strong", {}, `loss ${lossText(loss)}`));
  return said;
}
