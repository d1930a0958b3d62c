// The panel beside the views: what is chosen, and below it why a number is what it is. Beside the
// drawing it has room of its own; elsewhere it lies over the view: nothing moves when it opens.

import "../inspector.js";
import { active, fill, h, set } from "../../core/dom.js";
import { keep, kept } from "../../core/kept.js";
import { numberName } from "../../core/numbers.js";
import { icon } from "../icons.js";
import { separator } from "./separator.js";
import { welcome } from "./welcome.js";

const FOLDED = "panel folded";

/** The panel of an app: {element, name, choose(detail), why(name), close(), escape(), update()}. */
export function panel(app) {
  const { store } = app;
  const greeting = welcome(app);
  const inspector = h("pel-inspector");
  const hint = h("p", { class: "hint" }, "Click a number: its arithmetic stands here.");
  const chosen = part("Chosen", greeting.element, inspector);
  const reasons = part("Why this number", hint);
  let why = null;
  const title = h("h2", { class: "pel-side-title" });
  const turns = ["Chosen", "Why"].map((word, at) => h("button", { class: "quiet",
    onclick: () => show(at === 0 ? "chosen" : "why", "full") }, word));
  const large = tool("fit", "Enlarge to the whole page", () => enlarge(!element.dataset.large));
  const dock = tool("dock", "Keep room for it beside the drawing", () => fold(false));
  const shut = tool("close", "Close (Escape)", () => close());
  const element = h("aside", { class: "pel-side", "aria-label": "Chosen, and why" });
  element.append(
    separator({ of: element, name: "panel", after: true }),
    h("div", { class: "pel-side-head" },
      h("div", { class: "pel-side-turns", role: "group", "aria-label": "Shown" }, turns), title,
      h("div", { class: "pel-side-tools" }, large, dock, shut)),
    h("div", { class: "pel-side-parts" }, chosen,
      separator({ of: chosen, name: "chosen", axis: "height", share: 0.8 }), reasons),
  );
  let from = null;
  let of = null; // what is looked at

  // `open` is how it lies over a view: "peek" is its head alone, "full" is all; `what` is then shown.
  function show(what, open) {
    element.dataset.now = what;
    element.dataset.open = open;
    turns.forEach((one, at) => set(one, { "aria-pressed": String((at === 1) === (what === "why")) }));
    turns[1].disabled = !made.name;
  }

  function enlarge(on) {
    if (on) element.dataset.large = "yes";
    else delete element.dataset.large;
    if (on) element.dataset.open = "full";
    const said = on ? "Back to the side (Escape)" : "Enlarge to the whole page";
    set(large, { title: said, "aria-label": said, "aria-pressed": String(on) });
  }

  function fold(on) {
    app.toggleAttribute("data-folded", on);
    keep(FOLDED, on ? "yes" : "no");
  }

  function close() {
    if (getComputedStyle(element).position === "relative") fold(true); // it has room of its own
    made.escape();
    delete element.dataset.open;
  }

  function leave() {
    const inside = element.contains(active());
    delete element.dataset.open;
    if (made.name) {
      made.name = null;
      why.remove(); // it asks no more
      hint.hidden = false;
      element.dataset.now = "chosen";
      app.unwhy();
    }
    if (inside && from?.isConnected) from.focus({ preventScroll: true });
  }

  function update() {
    greeting.element.hidden = !inspector.hidden;
    const { tensor, node } = inspector.chosen ?? {};
    fill(title, tensor ? h("code", {}, numberName(tensor.name, tensor.lead))
      : node?.title ?? store.run?.title ?? "");
  }

  const made = {
    element,
    name: null,

    /** Show what is chosen: {tensor, node}, or {node}. */
    choose(detail) {
      inspector.store ??= store;
      inspector.show(detail);
      update();
      show("chosen", element.dataset.open ?? "peek");
      chosen.scrollTop = 0;
    },

    /** Show why a number is what it is. */
    why(name) {
      why ??= Object.assign(h("pel-why"), { store });
      const opening = !made.name;
      if (opening) from = active();
      hint.hidden = true;
      made.name = name;
      why.name = name;
      if (!why.isConnected) reasons.append(why);
      show("why", "full");
      if (opening) reasons.focus({ preventScroll: true });
    },

    close,

    /** What Escape does here: back from the whole page, or away; false where there is nothing. */
    escape() {
      if (element.dataset.large) enlarge(false);
      else if (made.name || element.dataset.open === "full") leave();
      else return false;
      return true;
    },

    /** There is another run. */
    update() {
      greeting.update();
      const subject = JSON.stringify(store.run?.subject);
      if (of && subject !== of) leave(); // another model's number
      of = subject;
      if (made.name) why.name = made.name;
      queueMicrotask(update); // when what was chosen knows whether it is still there
    },
  };
  app.toggleAttribute("data-folded", kept(FOLDED) === "yes");
  element.dataset.now = "chosen";
  turns[1].disabled = true;
  update();
  return made;
}

function part(name, ...children) {
  const made = h("section", { class: "pel-side-part", "aria-label": name, tabindex: -1 });
  made.append(...children);
  return made;
}

function tool(name, title, onclick) {
  const made = h("button", { class: "quiet", title, "aria-label": title, onclick }, icon(name));
  made.classList.add(`pel-side-${name}`);
  return made;
}
