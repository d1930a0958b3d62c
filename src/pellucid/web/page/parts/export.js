// A view as a file that stands alone: SVG with its numbers as text, PNG, or HTML that opens again.

import { h, svg } from "../core/dom.js";
import { lossText } from "../core/numbers.js";
import { toFile } from "../core/share.js";
import { actionsOf, inWords } from "./actions.js";
import { fontFaces } from "./export/fonts.js";
import { drawnHtml } from "./export/html.js";
import { inlined } from "./export/inlined.js";
import { spelled } from "./pieces.js";

const SHARP = 2; // pixels of a PNG to a pixel of the page
const LINE = 22; // pixels from a line of the caption to the next
const MARGIN = 16;
const WAIT = 300; // milliseconds between two looks at whether all has come
const LOOKS = 30;

/** An app's view as an SVG file: of a drawing all of it, else all that the view holds. */
export async function asSvg(app) {
  const { text } = await pictureOf(app);
  return new Blob([text], { type: "image/svg+xml" });
}

/** The same as a PNG file. */
export async function asPng(app) {
  const { text, width, height } = await pictureOf(app);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: width * SHARP, height: height * SHARP });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** The same as a page that needs nothing else, and that opens again where it is dropped. */
export async function asHtml(app) {
  const { text } = await pictureOf(app);
  const { run } = app.store;
  const next = app.store.next?.tokens ?? [];
  const page = document.implementation.createHTMLDocument(run.title);
  page.documentElement.lang = "en";
  const state = h("script", { type: "application/json", id: "pellucid-state" });
  state.textContent = toFile(app.state).replaceAll("<", "\\u003c");
  page.head.append(h("meta", { charset: "utf-8" }), state);
  page.body.append(
    h("h1", {}, run.title), h("p", {}, run.about), h("ul", {}, facts(app).map((one) => h("li", {}, one))),
    h("figure"),
    next.length ? h("table", {}, h("caption", {}, "What may come next"), next.map((one) => h("tr", {},
      h("td", {}, spelled(one.text)), h("td", {}, `${(100 * one.p).toPrecision(3)} %`)))) : "",
    h("p", {}, "Drop this file onto a page of Pellucid, and it opens there."),
  );
  const whole = `<!doctype html>\n${page.documentElement.outerHTML}\n`;
  // Styles are put in as text: this page itself may have none within it.
  const styled = whole.replace("</head>", `<style>${STYLE}</style></head>`);
  return new Blob([styled.replace("<figure>", () => `<figure>${text}`)], { type: "text/html" });
}

/** What is in sight of an element, as an SVG file: of the page's own parts, one by itself. */
export async function partAsSvg(element) {
  const made = blank(element, element.getBoundingClientRect());
  made.append(...drawnHtml(element, inlined));
  return new Blob([new XMLSerializer().serializeToString(made)], { type: "image/svg+xml" });
}

const STYLE = "body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; color-scheme: light dark } " +
  "figure { margin: 1rem 0; overflow: auto } td { padding: 0 1rem 0 0 } caption { text-align: left }";

async function pictureOf(app) {
  const view = app.shown;
  const drawing = view.querySelector("pel-drawing:not([hidden])");
  const parts = drawing ? await drawnWhole(drawing) : [partOf(view)];
  const said = facts(app);
  const width = Math.max(...parts.map((one) => one.width));
  const heights = parts.map((one) => one.height);
  const below = heights.reduce((sum, one) => sum + one, 0);
  const size = { width, height: below + 2 * MARGIN + said.length * LINE };
  const made = blank(view, size);
  // In a notebook the fonts of the document are the notebook's own.
  if (!app.embedded) made.append(svg("style", {}, await fontFaces()));
  parts.forEach(({ elements }, at) => {
    const top = heights.slice(0, at).reduce((sum, one) => sum + one, 0);
    made.append(svg("g", { transform: `translate(0 ${top})` }, elements));
  });
  made.append(...caption(view, said, below));
  const text = new XMLSerializer().serializeToString(made);
  return { text, width: Math.round(size.width), height: Math.round(size.height) };
}

// The drawing with its legend, once what it asks for has come.
async function drawnWhole(drawing) {
  let before = "";
  let made = drawing.picture;
  for (let look = 0; look < LOOKS; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, WAIT));
    made = drawing.picture;
    const now = made.svg.innerHTML;
    if (now === before) break;
    before = now;
  }
  const { svg: element, width, height } = made;
  return [{ elements: [element], width, height }, partOf(drawing.legend)];
}

function partOf(element) {
  const { width, height } = element.getBoundingClientRect();
  return { elements: [...drawnHtml(element, inlined)], width, height };
}

function blank(element, { width, height }) {
  const size = { width: Math.round(width), height: Math.round(height) };
  const made = svg("svg", { ...size, viewBox: `0 0 ${size.width} ${size.height}` });
  made.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const { backgroundColor } = getComputedStyle(element.closest(".pellucid"));
  made.append(svg("rect", { ...size, fill: backgroundColor }));
  return made;
}

/** What is drawn, in words: the model and the text, the loss, and all that was done. */
function facts({ store }) {
  const { run, experiment } = store;
  const loss = run.loss === null ? "" : `, loss ${lossText(run.loss)}`;
  const text = run.text ? `: “${run.text}”` : "";
  return [`${run.title}${text}${loss}`, ...actionsOf(experiment).map(inWords)];
}

function caption(view, said, top) {
  const { color, fontFamily } = getComputedStyle(view);
  return said.map((one, at) => svg("text", { x: MARGIN, y: top + MARGIN + (at + 0.7) * LINE,
    fill: color, "font-family": fontFamily, "font-size": 15, "font-weight": at ? 400 : 600 }, one));
}
