// Elements without a library: h() for HTML, svg() for SVG, mathml() for formulas that are text.

const SVG = "http://www.w3.org/2000/svg";
const MATHML = "http://www.w3.org/1998/Math/MathML";
const FORMULA = new Set(
  ("math mrow mi mn mo mtext mspace msub msup msubsup munder mover munderover mfrac msqrt mroot" +
    " mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts none").split(" "),
);

/** An HTML element: h("button", {class, role, onclick, hidden, style: {…}}, ...children). */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Take away all that is in a node; the node. */
export function clear(node) {
  node.replaceChildren();
  return node;
}

/** Put these in the place of all that is in a node; the node. */
export function fill(node, ...children) {
  node.replaceChildren(...nodes(children));
  return node;
}

/** Set attributes; null, undefined and false take one away, true sets it empty. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) attribute(element, name, value);
  return element;
}

/** A formula from its text: words, and MathML between them; no other element is taken over. */
export function mathml(text) {
  const { body } = new DOMParser().parseFromString(text, "text/html");
  return [...body.childNodes].map((one) => {
    return one.localName === "math" ? copied(one) : document.createTextNode(one.textContent);
  });
}

/** Let keys reach what is wider than its place: lines of text and formulas that scroll. */
export function reachable(root) {
  requestAnimationFrame(() => {
    for (const one of root.querySelectorAll("pre, .formula")) {
      set(one, { tabindex: one.scrollWidth > one.clientWidth ? "0" : null });
    }
  });
}

/** Send an event that bubbles up to whoever listens: say(this, "pel-why", {name}). */
export function say(element, type, detail) {
  element.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, detail }));
}

/** The element that has the focus, in a shadow tree too: in a notebook the page is in one. */
export function active() {
  let found = document.activeElement;
  while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  return found;
}

/** Register a custom element, once, however often the page's code is loaded. */
export function define(tag, kind) {
  if (!customElements.get(tag)) customElements.define(tag, kind);
}

function filled(element, attributes, children) {
  set(element, attributes);
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((one) => (one ?? false) !== false);
}

function attribute(element, name, value) {
  if (name.startsWith("on") && typeof value === "function") {
    element.addEventListener(name.slice(2), value);
  } else if (name === "style") {
    for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? "" : value);
  }
}

function copied(node) {
  if (node.nodeType === Node.TEXT_NODE) return document.createTextNode(node.data);
  const made = document.createElementNS(MATHML, node.localName);
  for (const { name, value } of node.attributes) {
    if (!/^(style|href|on.*)$/.test(name)) made.setAttribute(name, value);
  }
  const children = [...node.childNodes].filter(
    (child) => child.nodeType === Node.TEXT_NODE || FORMULA.has(child.localName),
  );
  made.append(...children.map(copied));
  return made;
}
