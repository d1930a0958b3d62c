// Share and download: the address, a file, the view as a picture.

import { active, fill, h, say } from "../../core/dom.js";
import { save } from "../../core/share.js";
import { asHtml, asPng, asSvg } from "../export.js";
import { icon } from "../icons.js";
import { copyLink, nameOf, openFile, saveFile } from "./sharing.js";

const COPIED = "Copied: paste it into any Pellucid page";
const HINT = "A link is without this server's address, which is a secret. Paste one, or drop a " +
  "file, anywhere on the page to open it.";
const STAY = Symbol("the menu stays open");

/** The button and its menu. */
export function menu(app) {
  const id = "pel-share";
  const list = h("div", { role: "menu", "aria-label": "Share and save" });
  const box = h("div", { id, popover: "auto", class: "pel-menu" }, list);
  const button = h("button", { class: "quiet", "aria-label": "Share", title: "Share and save" });
  button.setAttribute("popovertarget", id);
  button.append(icon("share"));
  const file = h("input", { type: "file", accept: ".json,.html", hidden: true });
  const items = {
    "Copy as a link": async (item) => {
      await copyLink(app);
      fill(item, COPIED);
      say(app, "pel-say", { message: COPIED });
      return STAY;
    },
    "Save as a file": () => saveFile(app),
    "Open a file…": () => file.click(),
    "Save the view as SVG": async () => save(await asSvg(app), `${nameOf(app)}.svg`),
    "Save the view as PNG": async () => save(await asPng(app), `${nameOf(app)}.png`),
    "Save the view as HTML": async () => save(await asHtml(app), `${nameOf(app)}.html`),
  };
  for (const [title, act] of Object.entries(items)) {
    const item = h("button", { role: "menuitem", class: "quiet", tabindex: "-1" }, title);
    item.addEventListener("click", async () => {
      try {
        if ((await act(item)) !== STAY) box.hidePopover();
      } catch (error) {
        box.hidePopover();
        app.store.problem(error);
      }
    });
    list.append(item);
  }
  box.addEventListener("toggle", ({ newState }) => {
    if (newState === "open") placed(box, button);
    else Object.keys(items).forEach((title, at) => fill(list.children[at], title));
  });
  list.addEventListener("keydown", (event) => moved(event, list));
  file.addEventListener("change", () => {
    openFile(app, file.files[0]);
    file.value = "";
  });
  box.append(h("p", { class: "muted" }, HINT));
  return h("div", { class: "pel-share" }, button, box, file);
}

function placed(box, button) {
  const { bottom, right } = button.getBoundingClientRect();
  box.style.setProperty("top", `${bottom + 4}px`);
  box.style.setProperty("right", `${Math.max(8, document.documentElement.clientWidth - right)}px`);
  box.querySelector("button").focus();
}

function moved(event, list) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = [...list.children];
  const at = all.indexOf(active());
  all[(at + step + all.length) % all.length].focus();
}
