// Share and download: the address, a file, the view as a picture.

import { active, h, say } from "../../core/dom.js";
import { fromFile, save, toFile, toFragment } from "../../core/share.js";
import { asPng, asSvg } from "../export.js";
import { icon } from "../icons.js";

/** The button and its menu. */
export function menu(app) {
  const id = "pel-share";
  const list = h("div", { id, popover: "auto", class: "pel-menu", role: "menu" });
  list.setAttribute("aria-label", "Share and save");
  const button = h("button", { class: "quiet", "aria-label": "Share", title: "Share and save" });
  button.setAttribute("popovertarget", id);
  button.append(icon("share"));
  const file = h("input", { type: "file", accept: ".json,application/json", hidden: true });
  const done = (message) => say(app, "pel-say", { message });
  const address = {
    "Copy the address of this state": async () => {
      const url = `${location.href.split("#")[0]}#${await toFragment(app.state)}`;
      await navigator.clipboard.writeText(url);
      done("The address is copied.");
    },
  };
  const items = {
    ...(app.embedded ? {} : address), // a notebook's address says nothing of its views
    "Save as a file": () => {
      const blob = new Blob([toFile(app.state)], { type: "application/json" });
      save(blob, `${nameOf(app)}.json`);
    },
    "Open a file…": () => file.click(),
    "Save the view as SVG": async () => save(await asSvg(app.shown), `${nameOf(app)}.svg`),
    "Save the view as PNG": async () => save(await asPng(app.shown), `${nameOf(app)}.png`),
  };
  for (const [title, act] of Object.entries(items)) {
    const item = h("button", { role: "menuitem", class: "quiet", tabindex: "-1" }, title);
    item.addEventListener("click", () => {
      list.hidePopover();
      Promise.resolve(act()).catch((error) => app.store.problem(error));
    });
    list.append(item);
  }
  list.addEventListener("toggle", ({ newState }) => {
    if (newState === "open") placed(list, button);
  });
  list.addEventListener("keydown", (event) => moved(event, list));
  file.addEventListener("change", async () => {
    try {
      await app.open(fromFile(await file.files[0].text()));
    } catch (error) {
      app.store.problem(error);
    }
    file.value = "";
  });
  return h("div", { class: "pel-share" }, button, list, file);
}

function nameOf({ store }) {
  const title = store.run?.title ?? "pellucid";
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "pellucid";
}

function placed(list, button) {
  const { bottom, right } = button.getBoundingClientRect();
  list.style.setProperty("top", `${bottom + 4}px`);
  list.style.setProperty("right", `${Math.max(8, document.documentElement.clientWidth - right)}px`);
  list.firstChild.focus();
}

function moved(event, list) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = [...list.children];
  const at = all.indexOf(active());
  all[(at + step + all.length) % all.length].focus();
}
