// What comes next, in all views: the likeliest tokens, how one is chosen, and writing on with one.

import { fill, h, set } from "../../core/dom.js";
import { percent } from "../../core/numbers.js";
import { icon } from "../icons.js";
import { number, spelled, token } from "../pieces.js";
import { slider } from "../controls.js";

const LISTED = 10;
const KEY = "Ctrl ↵";

/** The bar of the next token: {element, update()}. */
export function nextBar(app) {
  const { store } = app;
  const asks = h("strong", {}, "Next after");
  const after = h("span", { class: "nx-after" });
  const places = Array.from({ length: LISTED }, () => place(app));
  const list = h("ol", { class: "nx-list", "aria-label": "Likeliest tokens" },
    places.map(({ element }) => element));
  const why = h("p", { class: "nx-problem" });
  const write = h("button", { class: "nx-write", onclick: () => app.writeOn() });
  write.append(h("span", {}, "Append"), h("kbd", {}, KEY));
  const sliders = settings(store);
  const more = h("button", { class: "nx-more quiet", "aria-expanded": "false",
    "aria-label": "How a token is chosen", title: "Temperature, top-k, top-p",
    onclick: () => {
      const on = element.toggleAttribute("data-more");
      set(more, { "aria-expanded": String(on) });
    } }, icon("sliders"));
  const element = h("section", { class: "nx-bar", "aria-label": "Next token", hidden: true },
    h("p", { class: "nx-head" }, asks, " ", after),
    list, why, write, more,
    h("div", { class: "nx-settings", role: "group", "aria-label": "How a token is chosen" },
      sliders.map((one) => one.element)));

  store.addEventListener("next", ({ detail: problem }) => {
    const { next } = store;
    why.textContent = problem;
    why.hidden = !problem;
    list.hidden = !next;
    write.disabled = !next;
    if (!next) return;
    fill(asks, next.asks);
    fill(after, "“", token(next.after), "”");
    places.forEach((one, at) => one.show(next.tokens[at]));
    const first = spelled(next.tokens[0].text);
    write.title = `Write ${first} after the text (${KEY}); a click on a token writes that`;
    for (const one of sliders) one.element.title = said(next);
  });

  return {
    element,
    update() {
      const { run } = store;
      element.hidden = !run?.tokens.length;
      write.hidden = Boolean(run) && !run.writes;
      for (const one of sliders) one.value = store.sampling[one.key];
    },
  };
}

// One of the likeliest: its element stays, so that nothing moves under a hand or the focus.
function place(app) {
  let shown = null;
  const name = h("span", { class: "nx-token" });
  const choose = h("button", { class: "nx-choose", onclick: () => app.writeOn(shown.id) }, name);
  const share = h("span", { class: "nx-share tabular" });
  const bar = h("span", { class: "nx-part" });
  const own = h("span", { class: "nx-own" });
  const element = h("li", {}, choose, share,
    h("span", { class: "nx-track", "aria-hidden": "true" }, bar, own));
  return {
    element,
    show(one) {
      shown = one;
      element.hidden = !one;
      if (!one) return;
      const { text, p, probability, name: of } = one;
      const same = Math.abs(p - probability) < 1e-6;
      const spoken = spelled(text);
      fill(name, token(text));
      set(choose, { title: `Write ${spoken} after the text` });
      choose.setAttribute("aria-label", `Write ${spoken} after the text`);
      // What sampling has changed is no number of the run.
      if (same) fill(share, number(of, percent(p), probability));
      else fill(share, h("span", { title: `the model says ${percent(probability)}` }, percent(p)));
      element.classList.toggle("nx-out", p === 0);
      bar.style.inlineSize = `${p * 100}%`;
      own.style.insetInlineStart = `${probability * 100}%`;
      own.hidden = same;
    },
  };
}

function settings(store) {
  const live = (key) => ({
    oninput: (value) => store.sample({ [key]: value }),
    onchange: (value) => store.sample({ [key]: value }),
  });
  const made = (key, how) => Object.assign(slider({ ...how, ...live(key) }), { key });
  return [
    made("temperature", { label: "Temperature", min: 0.05, max: 3, value: 1 }),
    made("top_k", { label: "Top-k", min: 1, max: 100, value: null, log: true, step: 1, all: "all" }),
    made("top_p", { label: "Top-p", min: 0.01, max: 1, value: null, all: "all" }),
  ];
}

function said({ kept, vocabulary }) {
  return `${kept.toLocaleString("en-US")} of ${vocabulary.toLocaleString("en-US")} tokens can be drawn`;
}
