// <pel-chart>: lines over steps; exact values where one points or walks, and in a table.

import { clear, define, fill, h, svg } from "../core/dom.js";
import { written } from "../core/numbers.js";
import { short } from "./pieces.js";
import { extent, logTicks, scale, ticks, wholeTicks } from "./scales.js";

const HEIGHT = 210;
const [TOP, RIGHT, BOTTOM, LEFT] = [14, 14, 34, 58];
const LISTED = 400; // rows of the table at most: every second, third … point of a longer line

/** Lines: `.data` = {title, x, y, series: [{name, points: [[x, y], …]}]}. */
class Chart extends HTMLElement {
  #data = null;
  #at = null;
  #log = false;
  #width = 0;
  #places = [];
  #parts = null;
  #frame = 0;
  #size = new ResizeObserver(([{ contentRect }]) => {
    if (Math.abs(contentRect.width - this.#width) < 1) return;
    this.#width = contentRect.width;
    this.#later();
  });

  connectedCallback() {
    this.#size.observe(this);
    this.#later();
  }

  disconnectedCallback() {
    this.#size.disconnect();
  }

  get data() {
    return this.#data;
  }

  set data(data) {
    this.#data = data;
    this.#later();
  }

  // Many points may come in one frame while a model trains: it is drawn once for all of them.
  #later() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.isConnected && this.#data && this.#draw());
  }

  #build() {
    const plot = h("div", {
      class: "plot", tabindex: 0, role: "slider",
      onkeydown: (event) => this.#key(event),
      onpointermove: (event) => this.#point(event),
      onpointerleave: () => this.#choose(null),
      onfocus: () => this.#at ?? this.#choose(this.#places.length - 1),
      onblur: () => this.#choose(null),
    });
    const log = h("button", {
      type: "button", class: "do small", "aria-pressed": "false",
      onclick: () => {
        this.#log = !this.#log;
        log.setAttribute("aria-pressed", String(this.#log));
        this.#draw();
      },
    }, "log");
    const made = {
      plot, log,
      title: h("figcaption", {}),
      legend: h("ul", { class: "legend" }),
      readout: h("p", { class: "readout" }),
      table: h("div", { class: "unseen" }),
    };
    fill(this, h("figure", {},
      h("div", { class: "chart-bar" }, made.title, made.legend, log),
      plot, made.readout, made.table));
    return made;
  }

  #draw() {
    this.#parts ??= this.#build();
    const { title, legend, log, plot, table } = this.#parts;
    const series = this.#series();
    title.textContent = this.#data.title ?? "";
    const many = this.#data.series.length > 1;
    fill(legend, many && this.#data.series.map(({ name }, at) => {
      return h("li", { class: `line-${at}` }, h("span", { class: "swatch" }), name);
    }));
    log.hidden = series.some(({ points }) => points.some(([, y]) => y <= 0));
    this.#places = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))];
    this.#places.sort((one, other) => one - other);
    plot.setAttribute("aria-label", `${this.#data.title ?? "chart"}, point by point`);
    plot.setAttribute("aria-valuemin", 0);
    plot.setAttribute("aria-valuemax", Math.max(0, this.#places.length - 1));
    if (this.#at !== null) this.#at = Math.min(this.#at, this.#places.length - 1);
    this.#sketch(series);
    this.#choose(this.#at);
    fill(table, this.#table(series));
  }

  #series() {
    return this.#data.series.map(({ name, points }) => {
      return { name, points: points.filter(([, y]) => typeof y === "number") };
    });
  }

  #sketch(series) {
    const { plot } = this.#parts;
    const width = Math.max(200, this.#width || this.clientWidth || 320);
    const logged = this.#log && !this.#parts.log.hidden;
    const [least, most] = extent(this.#places);
    const [low, high] = extent(series.flatMap(({ points }) => points.map(([, y]) => y)));
    const across = scale(least, most, LEFT, width - RIGHT);
    const pad = logged ? 0 : (high - low) * 0.04;
    const up = scale(low - pad, high + pad, HEIGHT - BOTTOM, TOP, logged);
    const single = this.#places.length === 1;
    this.#parts.across = (x) => (single ? (LEFT + width - RIGHT) / 2 : across(x));
    this.#parts.up = up;
    const xs = single ? this.#places : wholeTicks(least, most, width < 420 ? 4 : 7);
    const ys = (logged ? logTicks : ticks)(low, high);
    const box = { class: "lines", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` };
    fill(plot, svg("svg", { ...box, "aria-hidden": "true" },
      this.#axes(width, xs, ys),
      series.map(({ points }, at) => this.#line(points, at)),
      svg("g", { class: "cursor" })));
  }

  #axes(width, xs, ys) {
    const { across, up } = this.#parts;
    const rows = ys.map((y) => svg("g", {},
      svg("line", { class: "rule", x1: LEFT, x2: width - RIGHT, y1: up(y), y2: up(y) }),
      svg("text", { x: LEFT - 8, y: up(y) + 4, "text-anchor": "end" }, short(y))));
    const columns = xs.map((x) => svg("text",
      { x: across(x), y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, short(x, 7)));
    const [middle, foot] = [(LEFT + width - RIGHT) / 2, HEIGHT - 3];
    return svg("g", { class: "axes" }, rows, columns,
      svg("text", { class: "axis", x: middle, y: foot, "text-anchor": "middle" },
        this.#data.x ?? ""),
      svg("text", { class: "axis", transform: `translate(11 ${(HEIGHT - BOTTOM) / 2}) rotate(-90)`,
        "text-anchor": "middle" }, this.#data.y ?? ""));
  }

  #line(points, at) {
    const { across, up } = this.#parts;
    const places = points.map(([x, y]) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`);
    const dots = points.length <= 40 ? points : points.length === 1 ? points : [];
    return svg("g", { class: `line-${at}` },
      svg("polyline", { points: places.join(" ") }),
      dots.map(([x, y]) => svg("circle", { cx: across(x), cy: up(y), r: 2.5 })));
  }

  #choose(at) {
    this.#at = at === null || at < 0 ? null : at;
    const { plot, readout, across, up } = this.#parts;
    const cursor = clear(plot.querySelector(".cursor"));
    const x = this.#places[this.#at ?? this.#places.length - 1];
    const here = this.#series().flatMap(({ name, points }, place) => {
      const found = points.find(([one]) => one === x);
      return found ? [{ name, y: found[1], place }] : [];
    });
    const said = here.map(({ name, y }) => `${name} ${written(y)}`).join(", ");
    const text = here.length ? `${this.#data.x ?? "x"} ${x}: ${said}` : "";
    readout.textContent = text;
    plot.setAttribute("aria-valuenow", this.#at ?? Math.max(0, this.#places.length - 1));
    plot.setAttribute("aria-valuetext", text);
    if (this.#at === null) return;
    cursor.append(
      svg("line", { x1: across(x), x2: across(x), y1: TOP, y2: HEIGHT - BOTTOM }),
      ...here.map(({ y, place }) => svg("circle",
        { class: `line-${place}`, cx: across(x), cy: up(y), r: 4.5 })),
    );
  }

  #point({ clientX }) {
    const left = this.#parts.plot.getBoundingClientRect().left;
    const away = this.#places.map((x) => Math.abs(this.#parts.across(x) - (clientX - left)));
    this.#choose(away.indexOf(Math.min(...away)));
  }

  #key(event) {
    const last = this.#places.length - 1;
    const here = this.#at ?? last;
    const leap = Math.max(1, Math.round(last / 10));
    const to = {
      ArrowLeft: here - 1, ArrowDown: here - 1, ArrowRight: here + 1, ArrowUp: here + 1,
      PageDown: here - leap, PageUp: here + leap, Home: 0, End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#choose(Math.max(0, Math.min(last, to)));
  }

  #table(series) {
    const every = Math.ceil(this.#places.length / LISTED) || 1;
    const known = series.map(({ points }) => new Map(points));
    const rows = this.#places.filter((_, at) => at % every === 0).map((x) => {
      return h("tr", {}, h("th", { scope: "row" }, String(x)),
        known.map((one) => h("td", {}, one.has(x) ? String(one.get(x)) : "")));
    });
    const heads = [this.#data.x ?? "x", ...series.map(({ name }) => name)];
    return h("table", {}, h("caption", {}, this.#data.title ?? ""),
      h("thead", {}, h("tr", {}, heads.map((one) => h("th", { scope: "col" }, one)))),
      h("tbody", {}, rows));
  }
}

define("pel-chart", Chart);
