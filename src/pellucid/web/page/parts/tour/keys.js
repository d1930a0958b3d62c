// The tour's keys, as a presenter's clicker sends them too.

const STEPS = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1 };
const OWN = "input, textarea, select, [contenteditable], [role=grid], [role=tree], [role=tab], " +
  "[role=slider], svg, dialog, [popover]";

/** How far a key goes: 1, -1, or 0 where it is not the tour's, or another part has it. */
export function stepOf(event, presenting) {
  const { key, target, defaultPrevented } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return 0;
  if (defaultPrevented || !STEPS[key]) return 0;
  const [at] = event.composedPath?.() ?? [target];
  if (!(at instanceof Element)) return STEPS[key];
  if (key === " " && at.closest("button, summary, a")) return 0;
  if (at.closest("input, textarea, select")) return 0;
  return !presenting && at.closest(OWN) ? 0 : STEPS[key];
}
