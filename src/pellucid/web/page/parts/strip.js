// A row of tokens of which one is chosen: radio buttons, one stop of the Tab key, arrows between.

import { h } from "../core/dom.js";
import { token } from "./pieces.js";

/** {element, add(piece, attributes), choose(at), clear(), at}; onchoose(at) when the reader chooses. */
export function strip(label, onchoose) {
  const element = h("div", { class: "strip", role: "radiogroup", "aria-label": label });
  const all = [];
  let chosen = -1;

  function choose(at, focus = false) {
    if (!(at in all)) return;
    if (chosen in all) mark(all[chosen], false);
    chosen = at;
    mark(all[at], true);
    if (focus) all[at].focus();
  }

  function take(at, focus) {
    if (!(at in all)) return;
    choose(at, focus);
    onchoose(at);
  }

  element.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    const to = by ? chosen + by : { Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    take(to, true);
  });

  return {
    element,
    get at() {
      return chosen;
    },
    choose,
    add(piece, attributes = {}) {
      const at = all.length;
      const one = h("button", {
        type: "button", class: "token-choice", role: "radio", "aria-checked": "false",
        tabindex: at === 0 ? 0 : -1, onclick: () => take(at), ...attributes,
      }, token(piece));
      all.push(one);
      element.append(one);
      return one;
    },
    clear() {
      all.length = 0;
      chosen = -1;
      element.replaceChildren();
    },
  };
}

function mark(one, on) {
  one.setAttribute("aria-checked", String(on));
  one.tabIndex = on ? 0 : -1;
  if (on) for (const other of one.parentElement.children) if (other !== one) other.tabIndex = -1;
}
