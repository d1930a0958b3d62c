// Beside the drawing: in which direction one looks, and how near; and where one is, over its corner.

import { fill, h, set } from "../../core/dom.js";
import { icon } from "../icons.js";
import { onScreen } from "./camera.js";

const MODES = { forward: "forward", gradient: "gradient", both: "both" };

/** The tools: {element, place, at, update(world, view, size, mode)}; `to` has mode, zoom, fit and go. */
export function toolbar(to) {
  const path = h("ol", { class: "pd-path" });
  const modes = h("div", { class: "segments", role: "group", "aria-label": "Direction" });
  for (const [mode, title] of Object.entries(MODES)) {
    modes.append(h("button", { "data-mode": mode, onclick: () => to.mode(mode) }, title));
  }
  const tool = (name, label, onclick) =>
    h("button", { class: "quiet", "aria-label": label, title: label, onclick }, icon(name));
  const element = h(
    "div",
    { class: "pd-toolbar" },
    modes,
    h(
      "div",
      { class: "pd-zoom", role: "group", "aria-label": "Zoom" },
      tool("minus", "Zoom out (-)", () => to.zoom(1 / 1.6)),
      tool("fit", "Show all (0)", () => to.fit()),
      tool("plus", "Zoom in (+)", () => to.zoom(1.6)),
    ),
  );
  const place = h("nav", { class: "pd-place", "aria-label": "Place in the drawing" }, path);
  const made = { element, place, at: null, update };
  let shown = null;

  function update(world, view, size, mode) {
    for (const one of modes.children) {
      set(one, { "aria-pressed": String(one.dataset.mode === mode) });
    }
    made.at = placeOf(world, view, size);
    const way = [];
    for (let item = made.at; item; item = item.parent) way.unshift(item);
    const said = way.map(({ key }) => key).join(" ") + mode;
    if (said === shown) return;
    shown = said;
    place.hidden = way.length < 2; // all of it is in view
    fill(path, way.map((item, at) => h("li", {}, crumb(item, at === way.length - 1, to))));
  }

  return made;
}

function crumb(item, last, to) {
  const button = h("button", { class: "link", onclick: () => to.go(item) }, item.title);
  return set(button, { "aria-current": last ? "location" : null });
}

// The innermost box that has the middle of the window and fills most of its width or height.
function placeOf(world, view, size) {
  const all = onScreen(world, view);
  if (all.w <= size.w && all.h <= size.h) return world;
  let [item, next] = [world, world];
  while (next) {
    item = next;
    next = item.children.find((child) => {
      const at = onScreen(child, view);
      const large = at.w > size.w * 0.6 || at.h > size.h * 0.6;
      const inside = at.x <= size.w / 2 && at.x + at.w >= size.w / 2;
      return large && inside && at.y <= size.h / 2 && at.y + at.h >= size.h / 2;
    });
  }
  return item;
}
