// Long work of an analysis: a button that starts it, how far it has come, and one that stops it.

import { active, h, say } from "../../core/dom.js";
import { button } from "../controls.js";

/** {element, run(call, fields, total, onEvent), stop()}; `start` is what its button does. */
export function work(panel, text, start) {
  let running = null;
  const begin = button(text, start, { class: "do main" });
  const stop = button("Stop", () => running?.abort(), { hidden: true });
  const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": text });
  const status = h("span", { class: "hint tabular", role: "status" });
  const element = h("div", { class: "actions pa-work" }, begin, stop, bar, status);

  function during(on) {
    const held = active();
    begin.hidden = on;
    stop.hidden = bar.hidden = !on;
    if (on && held === begin) stop.focus();
    if (!on && held === stop) begin.focus();
  }

  /** Ask for a stream; onEvent says how many parts of the total an event brings. */
  async function run(call, fields, total, onEvent) {
    running?.abort();
    const mine = running = new AbortController();
    let done = 0;
    const began = performance.now();
    bar.value = 0;
    status.textContent = "";
    during(true);
    const heard = (event) => {
      if (mine !== running) return;
      done += onEvent(event);
      bar.value = done / total;
      status.textContent = `${done} of ${total}`;
    };
    try {
      const last = await panel.store.stream(call, fields, { onEvent: heard, signal: mine.signal });
      if (mine !== running) return null;
      const seconds = ((performance.now() - began) / 1000).toPrecision(2);
      status.textContent = `${total} in ${seconds} s`;
      say(panel, "pel-say", { message: `${text}: done` });
      return last;
    } catch (error) {
      if (!["ApiError", "AbortError"].includes(error.name)) throw error;
      if (mine === running) status.textContent = done ? `Stopped after ${done} of ${total}.` : "";
      return null;
    } finally {
      if (mine === running) {
        running = null;
        during(false);
      }
    }
  }

  return {
    element,
    run,
    say: (said) => { status.textContent = said; },
    stop: () => running?.abort(),
    get running() {
      return running !== null;
    },
  };
}
