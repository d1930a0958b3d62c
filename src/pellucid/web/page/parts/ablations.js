// Heads and MLPs as switches: pressed is out. Each head shows what it looks at.

import { active, fill, h, say } from "../core/dom.js";
import { inWords, without, zeroed } from "./actions.js";

const SIDE = 24; // pixels of a head's picture
const HUE = [205, 62, 88]; // of attention, so that it is seen on light and on dark

/** A grid of heads, block by block, with the MLPs in a last column: {element, draw(run)}. */
export function ablations(panel) {
  const grid = h("div", { class: "scrolls heads", tabindex: 0, role: "group",
    "aria-label": "Heads and MLPs" });
  const element = h("section", {},
    h("h3", {}, "Ablate"),
    h("p", { class: "hint" }, "A pressed head adds nothing: its attention is set to 0. " +
      "A pressed MLP likewise."),
    grid);

  async function toggle(name, index) {
    const { store } = panel;
    const places = zeroed(store.experiment, name, index);
    const action = { do: "set", name, index, value: 0 };
    if (places.length) await store.show(without(store.experiment, places));
    else await store.act(action);
    const out = zeroed(store.experiment, name, index).length > 0;
    say(panel, "pel-say", { message: `${inWords(action)}: ${out ? "yes" : "no longer"}` });
  }

  function button(name, index, label, inside) {
    const out = zeroed(panel.store.experiment, name, index).length > 0;
    return h("button", { type: "button", class: "switch", "aria-pressed": String(out), title: label,
      "aria-label": label, "data-place": `${name} ${index}`, onclick: () => toggle(name, index) },
    inside);
  }

  function head(name, at, block) {
    const canvas = h("canvas", { width: SIDE, height: SIDE });
    panel.store.picture({ name, lead: [at], height: SIDE, width: SIDE })
      .then((picture) => paint(canvas, picture), () => {}); // the store has said what went wrong
    return button(name, [at], `Ablate head ${at} of ${block}`, canvas);
  }

  function row({ title, name, heads, mlp }) {
    const said = title.charAt(0).toLowerCase() + title.slice(1);
    return h("tr", {},
      h("th", { scope: "row" }, title),
      heads.map((at) => h("td", {}, head(name, at, said))),
      h("td", { class: "mlp" }, mlp && button(mlp, [], `Zero the MLP of ${said}`, "MLP")));
  }

  function draw(run) {
    const rows = rowsOf(run.outline);
    element.hidden = !rows.length;
    if (!rows.length) return;
    const held = grid.contains(active()) && active().dataset.place;
    const columns = rows[0].heads;
    fill(grid, h("table", {},
      h("caption", { class: "unseen" }, "Heads and MLPs, a row a block"),
      h("thead", {}, h("tr", {}, h("td", { class: "muted" }, "head"),
        columns.map((at) => h("th", { scope: "col" }, String(at))),
        h("td", {}))),
      h("tbody", {}, rows.map(row))));
    if (held) grid.querySelector(`[data-place="${held}"]`)?.focus({ preventScroll: true });
  }

  return { element, draw };
}

// The attentions of each block, one a row, and its MLP in the first of them.
function rowsOf(outline) {
  return outline.filter(({ kind }) => kind === "block").flatMap(({ title, children }) => {
    const mlp = children.find(({ kind }) => kind === "mlp")?.tensors.filter(set).at(-1)?.name;
    const looking = children.filter(({ children: heads }) => heads.length);
    return looking.map(({ kind, children: heads }, at) => ({
      title: kind === "cross" ? `${title}, cross` : title,
      name: heads[0].tensors.find(looks).name,
      heads: heads.map(({ head }) => head),
      mlp: at === 0 ? mlp : null,
    }));
  });
}

// Of what a head has: where it looks, which alone is its own where heads share their keys.
function looks(tensor) {
  return set(tensor) && tensor.name.endsWith(".att");
}

function set({ editable, parameter }) {
  return editable && !parameter;
}

function paint(canvas, { tints, height, width }) {
  const bytes = Int8Array.from(atob(tints), (one) => one.charCodeAt(0));
  Object.assign(canvas, { height, width });
  const pixels = new ImageData(width, height);
  bytes.forEach((tint, place) => {
    pixels.data.set([...HUE, Math.min(255, Math.abs(tint) * 2)], place * 4);
  });
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
