// The strongest paths to a logit as a graph: tokens below, the answer above, heads and MLPs between.

import { fill, h, say, set, svg } from "../../core/dom.js";
import { written } from "../../core/numbers.js";
import { button, slider, switcher } from "../controls.js";
import { spelled } from "../pieces.js";
import { brief } from "./heat.js";
import { differenceText } from "./question.js";

const BOX = { wide: 74, high: 24 };
const GAP = { across: 22, down: 20 };
const ARC = 13; // pixels that an arc to the next level stands out, and each level more as many
const EDGE = 11; // pixels of the widest line

/** The graph of a panel: {element, ask(asked)}. */
export function paths(panel) {
  let asked = null;
  let found = null;
  let largest = 1;
  const of = switcher("Of", [["two", "difference of logits"], ["one", "the answer's logit alone"]],
    "two", () => asked && ask(asked));
  const least = slider({ label: "Followed from this share of the largest on", min: 0.03,
    max: 1, value: 0.25, onchange: () => asked && ask(asked) });
  const drawn = h("div", { class: "pg-drawn" });
  const status = h("output", { class: "heat-status" });
  const detail = h("section", { class: "pa-detail", "aria-live": "polite" });
  const element = h("section", {},
    h("p", { class: "hint" }, "What a head adds is a sum over the places that it looked at: it is " +
      "followed back with attention and the norms' scales as they were. A path ends at a token, or " +
      "at an MLP, which is no sum of what it reads. Blue adds, orange takes away."),
    h("div", { class: "actions pa-bar" }, of.element, least.element),
    h("div", { class: "pa-columns" }, h("div", {}, drawn, status), detail));

  const name = () => (of.value === "two" ? differenceText(asked) : asked.names[0]);

  function ask(question) {
    asked = question;
    const { position, first } = asked;
    const second = of.value === "two" ? asked.second : null;
    const fields = { position, first, second, least: least.value };
    panel.newest("paths", () => panel.store.call("paths", fields), (answer) => {
      found = answer;
      shown();
    }).then((there) => !there && [drawn, detail].forEach((one) => fill(one)));
  }

  function shown() {
    const { nodes, edges } = found;
    largest = Math.max(...edges.map(({ value }) => Math.abs(value)), 1e-12);
    const places = layout(nodes, panel.store.run.model.layers);
    const levels = Math.max(...places.map(({ level }) => level));
    const width = Math.max(...places.map(({ x }) => x)) + BOX.wide / 2 + ARC * levels + 10;
    const low = Math.max(...places.map(({ y }) => y)) + BOX.high;
    const height = low + 26;
    const lines = edges.map((edge) => line(edge, places));
    const boxes = nodes.map((node, at) => box(node, at, places[at]));
    const size = { viewBox: `0 0 ${width} ${height}`, width, height };
    fill(drawn, svg("svg", { ...size, class: "pg", role: "group",
      "aria-label": `Paths to ${name()}, ${nodes.length} nodes` }, lines, boxes, columns(places, low + 18)));
    drawn.onkeydown = (event) => moved(event, boxes);
    choose(0);
  }

  // Below each column the token that stands there.
  function columns(places, y) {
    const all = new Map(places.map((one) => [one.column, one.middle]));
    return [...all].map(([place, x]) => svg("text", { x, y, "text-anchor": "middle",
      class: "pg-place" }, `${place} ${pieceAt(place)}`));
  }

  function box(node, at, { x, y }) {
    const said = `${titleOf(node)}: ${written(node.value.toPrecision(4))}`;
    const one = svg("g", { class: `pg-node pg-${node.part}`, role: "button", tabindex: at ? -1 : 0,
      "aria-label": said, transform: `translate(${x - BOX.wide / 2} ${y})`, "data-at": at },
    svg("rect", { width: BOX.wide, height: BOX.high, rx: 5 }),
    svg("text", { x: BOX.wide / 2, y: BOX.high / 2 + 4.5, "text-anchor": "middle" }, shortOf(node)));
    one.addEventListener("click", () => choose(at));
    for (const type of ["pointerenter", "focus"]) one.addEventListener(type, () => point(at));
    one.addEventListener("pointerleave", () => point(null));
    return one;
  }

  function line({ from, to, value }, places) {
    const [a, b] = [places[from], places[to]];
    return svg("path", { d: a.column === b.column ? arc(a, b) : wave(a, b),
      class: value < 0 ? "pg-edge less" : "pg-edge more", "data-edge": `${from},${to}`,
      "stroke-width": Math.max(0.8, (EDGE * Math.abs(value)) / largest) });
  }

  // What a node is made of and where it goes is seen when it is pointed at.
  function point(at) {
    const near = at === null ? null : new Set(found.edges.filter(({ from, to }) => {
      return from === at || to === at;
    }).map(({ from, to }) => `${from},${to}`));
    for (const one of drawn.querySelectorAll(".pg-edge")) {
      one.classList.toggle("dim", near !== null && !near.has(one.dataset.edge));
    }
    status.textContent = at === null ? "" : `${titleOf(found.nodes[at])}: `
      + `${brief(found.nodes[at].value)} of ${name()}`;
  }

  function choose(at) {
    const node = found.nodes[at];
    for (const one of drawn.querySelectorAll(".pg-node")) {
      set(one, { "aria-pressed": String(Number(one.dataset.at) === at) });
    }
    const into = found.edges.filter(({ to }) => to === at)
      .sort((one, other) => Math.abs(other.value) - Math.abs(one.value));
    const seen = node.part === "head" ? `h.${node.block}.attn.head.${node.head}`
      : node.part === "feed-forward" ? `h.${node.block}.mlp` : null;
    const row = (title, value) => h("tr", {}, h("th", { scope: "row" }, title),
      h("td", { class: "value" }, brief(value, largest)));
    fill(detail, h("h3", {}, at ? titleOf(node) : name()),
      h("p", { class: "pa-changes" }, h("strong", {}, brief(node.value)),
        at ? ` of ${name()} = ${written(found.nodes[0].value.toPrecision(5))}` : ""),
      into.length > 0 && h("table", { class: "list" },
        h("caption", {}, "It is the sum of"),
        h("tbody", {}, into.map(({ from, value }) => row(button(titleOf(found.nodes[from]),
          () => choose(from), { class: "term pick" }), value)),
        row("smaller terms and biases", node.rest))),
      seen && h("div", { class: "actions" }, button("Show in the drawing",
        () => say(panel, "pel-look", { node: seen }))));
  }

  const pieceAt = (place) => spelled(panel.store.run.tokens[place].piece);
  function titleOf({ part, title, position }) {
    return part === "answer" ? name() : `${title} at ${position} ${pieceAt(position)}`;
  }
  function shortOf({ part, name: own, block, head, position }) {
    if (part === "answer") return "answer";
    if (part === "head") return `head ${block}.${head}`;
    if (part === "added") return "added";
    if (part === "feed-forward") return `MLP ${block}`;
    return own === "wpe.rows" ? `place ${position}` : pieceAt(position);
  }

  return { element, ask };
}

// From one place of the text to another: out of the top of a box, into the bottom of the other.
function wave(a, b) {
  const [top, bottom] = [a.y, b.y + BOX.high];
  const middle = (top + bottom) / 2;
  return `M${a.x} ${top} C${a.x} ${middle} ${b.x} ${middle} ${b.x} ${bottom}`;
}

// Within a place: an arc beside the boxes between, farther out the longer it is; MLPs to the left.
function arc(a, b) {
  const side = a.side;
  const [x, u] = [a.x + (side * BOX.wide) / 2, b.x + (side * BOX.wide) / 2];
  const [y, v] = [a.y + BOX.high / 2, b.y + BOX.high / 2];
  const out = (side > 0 ? Math.max(x, u) : Math.min(x, u)) + side * ARC * (1 + a.level - b.level);
  return `M${x} ${y} C${out} ${y} ${out} ${v} ${u} ${v}`;
}

// A column for each place of the text that a path has, a row for each block that has a node.
function layout(nodes, layers) {
  const level = ({ part, block }) => {
    if (part === "answer") return 2 * layers + 1;
    if (part === "embedding" || part === "added") return 0;
    return 2 * block + (part === "head" ? 1 : 2);
  };
  const levels = [...new Set(nodes.map(level))].sort((one, other) => other - one);
  const places = [...new Set(nodes.map(({ position }) => position))].sort((one, other) => one - other);
  const key = (node) => `${level(node)} ${node.position}`;
  const groups = new Map();
  for (const node of nodes) groups.set(key(node), [...(groups.get(key(node)) ?? []), node]);
  const widest = new Map(places.map((place) => {
    const counts = levels.map((one) => groups.get(`${one} ${place}`)?.length ?? 0);
    return [place, Math.max(1, ...counts)];
  }));
  const beside = ARC * levels.length; // the room that arcs take on either side of the last place
  const begins = new Map();
  let x = 10;
  for (const place of places) {
    if (place === places.at(-1)) x += beside;
    begins.set(place, x);
    x += widest.get(place) * (BOX.wide + 8) + GAP.across;
  }
  return nodes.map((node) => {
    const group = groups.get(key(node));
    const room = widest.get(node.position) * (BOX.wide + 8);
    const own = (room / group.length) * (group.indexOf(node) + 0.5);
    const at = levels.indexOf(level(node));
    return { x: begins.get(node.position) + own, middle: begins.get(node.position) + room / 2, y: 6 + at * (BOX.high + GAP.down), level: at,
      column: node.position, side: node.part === "head" ? 1 : -1 };
  });
}

function moved(event, boxes) {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const at = boxes.indexOf(event.target.closest(".pg-node"));
  if (at < 0) return;
  if (event.key === "Enter" || event.key === " ") boxes[at].dispatchEvent(new Event("click"));
  else if (by) {
    const next = boxes[(at + by + boxes.length) % boxes.length];
    set(boxes[at], { tabindex: -1 });
    set(next, { tabindex: 0 });
    next.focus();
  } else return;
  event.preventDefault();
}
