// The panel beside the views, where a number's arithmetic stands; on a phone a sheet from below.

import { active, h } from "../../core/dom.js";
import { icon } from "../icons.js";

/** The panel: {element, name, show(store, name), close()}; `closed` is called when it closes. */
export function panel(closed) {
  const heading = h("h2", { tabindex: "-1" }, "Why this number");
  const shut = h("button", { class: "quiet", "aria-label": "Close", title: "Close (Escape)" });
  const place = h("div", { class: "pel-side-body" });
  const head = h("div", { class: "pel-side-head" }, heading, shut);
  const element = h("aside", { class: "pel-side", "aria-label": "Why this number", hidden: true });
  element.append(head, place);
  shut.append(icon("close"));
  let from = null;

  const made = {
    element,
    name: null,

    show(store, name) {
      let why = place.querySelector("pel-why");
      if (!why) {
        why = Object.assign(h("pel-why"), { store });
        place.append(why);
      }
      const opening = element.hidden;
      if (opening) from = active();
      element.hidden = false;
      made.name = name;
      why.name = name;
      if (opening) heading.focus({ preventScroll: true });
    },

    close() {
      if (element.hidden) return;
      const inside = element.contains(active());
      element.hidden = true;
      made.name = null;
      const why = place.querySelector("pel-why");
      if (why) why.name = null;
      if (inside && from?.isConnected) from.focus({ preventScroll: true });
      closed();
    },
  };
  shut.addEventListener("click", () => made.close());
  return made;
}
