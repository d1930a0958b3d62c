// The page's colors as a canvas needs them: looked up where the drawing is, once a theme.

const NAMES = ["ink", "muted", "rule", "edge", "card", "paper", "sunk", "link", "mark", "wrong",
  "above", "below", "positive", "negative", "query", "key", "value", "attention", "weight",
  "stream", "hidden"];

/** The colors of an element's place: {ink, query, …} as CSS, `parts(name)` as [r, g, b, alpha]. */
export function palette(within) {
  const probe = document.createElement("i");
  within.append(probe);
  const found = {};
  for (const name of NAMES) {
    probe.style.setProperty("color", `var(--${name})`);
    found[name] = getComputedStyle(probe).color;
  }
  for (const name of ["text", "code"]) {
    probe.style.setProperty("font-family", `var(--${name})`);
    found[name] = getComputedStyle(probe).fontFamily;
  }
  probe.remove();
  const parts = Object.fromEntries(NAMES.map((name) => [name, channels(found[name])]));
  return Object.assign(found, { named: (name) => parts[name] ?? parts.ink });
}

function channels(color) {
  const [red, green, blue, alpha = 1] = (color.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue, alpha * 255];
}
