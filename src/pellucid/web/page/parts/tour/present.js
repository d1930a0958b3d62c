// The presentation: the tour alone in large type, over the whole screen where that is allowed.

/** Turns a page's presentation on and off: {on, begin(), end()}; `changed` hears of each turn. */
export function presentation(host, changed) {
  const root = () => host.closest(".pellucid");
  let on = false;

  function turn(now) {
    if (now === on) return;
    on = now;
    root()?.toggleAttribute("data-presenting", on);
    changed(on);
  }

  const left = () => {
    if (!full()) turn(false);
  };
  const full = () => document.fullscreenElement ?? null;

  return {
    get on() {
      return on;
    },
    async begin() {
      turn(true);
      document.addEventListener("fullscreenchange", left);
      await root()?.requestFullscreen?.().catch(() => {}); // it presents in the window then
    },
    async end() {
      document.removeEventListener("fullscreenchange", left);
      turn(false);
      if (full()) await document.exitFullscreen().catch(() => {});
    },
  };
}
