// The page in a notebook: the same app, whose calls go by a widget's messages.

import "./parts/app.js";
import "./parts/panels.js";
import { modelApi } from "./core/model_api.js";
import { h } from "./core/dom.js";
import { Store } from "./core/store.js";

const WAITS = "Pellucid opens when the notebook's kernel answers: it is at work, or not running.";

/** The widget's module: its render({model, el}) shows the page, and returns how to take it away. */
export function widget(style) {
  return { render: ({ model, el }) => render(model, el, style) };
}

function render(model, el, style) {
  const root = h("div", { class: "pellucid" }, h("p", { class: "pel-wait" }, WAITS));
  const frame = h("div", { class: "frame" }, root);
  // JupyterLab has its own keys for a cell that is not edited, a for a new one: not in here.
  const host = h("div", { class: "pellucid-view", "data-lm-suppress-shortcuts": "true" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  const shadow = host.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(frame);
  host.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(host);

  const api = modelApi(model);
  const store = new Store(api);
  const app = Object.assign(h("pel-app"), { embedded: true, store });
  const listeners = {
    "change:height": () => frame.style.setProperty("--height", `${model.get("height")}px`),
    "change:experiment": () => opened(app, model),
    "change:view": () => viewed(app, model),
  };
  let left = false;
  app.addEventListener("pel-state", () => left || told(app, model));
  listeners["change:height"]();
  const unthemed = themed(root);
  begun(app, root).then(() => {
    if (left) return undefined; // it was taken away before Python answered
    for (const [name, listener] of Object.entries(listeners)) model.on(name, listener);
    return opened(app, model);
  }).catch((error) => root.replaceChildren(h("p", { class: "pel-wait" }, error.message)));

  return () => {
    left = true;
    for (const [name, listener] of Object.entries(listeners)) model.off(name, listener);
    api.close();
    unthemed();
    host.remove();
  };
}

async function begun(app, root) {
  await app.store.begin();
  root.replaceChildren(app);
  app.ready();
}

/** Show what Python says; where it says nothing, what the page opens on. */
async function opened(app, model) {
  const experiment = model.get("experiment");
  if (!experiment) return app.home();
  const same = JSON.stringify(experiment) === JSON.stringify(app.store.experiment);
  if (same) return undefined;
  return app.open({ experiment, view: model.get("view") });
}

function viewed(app, model) {
  const view = model.get("view");
  if (view !== app.view) app.show(view);
}

/** Let Python know what is shown. */
function told(app, model) {
  const { experiment, view } = app.state;
  model.set("experiment", experiment);
  model.set("view", view);
  model.save_changes();
}

/** Light or dark as the notebook is, where it says so; how to stop following it. */
function themed(root) {
  const follow = () => {
    const around = themeAround();
    if (around === root.dataset.around) return;
    if (around) root.dataset.around = around;
    else delete root.dataset.around;
    window.dispatchEvent(new Event("pel-theme"));
  };
  const observer = new MutationObserver(follow);
  for (const one of [document.documentElement, document.body]) {
    observer.observe(one, { attributes: true });
  }
  follow();
  return () => observer.disconnect();
}

/** JupyterLab, VS Code and Colab say it in this order, each in its own way. */
function themeAround() {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark";
  if (vscodeThemeKind) return /light$/.test(vscodeThemeKind) ? "light" : "dark";
  return { dark: "dark", light: "light" }[document.documentElement.getAttribute("theme")];
}
