// A state of the page in its address, or in a file: {experiment, view, focus}.

const KIND = "pellucid experiment";

/** A state as an address's fragment (without #): JSON, deflated, in base64url. */
export async function toFragment(state) {
  const bytes = await through(new CompressionStream("deflate-raw"), encoded(JSON.stringify(state)));
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The state of a fragment (with or without #); null where it holds none. */
export async function fromFragment(fragment) {
  const text = fragment.replace(/^#/, "").replaceAll("-", "+").replaceAll("_", "/");
  if (!text) return null;
  try {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const json = await through(new DecompressionStream("deflate-raw"), bytes);
    return checked(JSON.parse(new TextDecoder().decode(json)));
  } catch {
    return null;
  }
}

/** A state as the text of a .json file. */
export function toFile(state) {
  return `${JSON.stringify({ kind: KIND, ...state }, null, 2)}\n`;
}

/** The state of a file's text, JSON or a page that was saved; an Error with one line where it holds
 * none. */
export function fromFile(text) {
  let state = null;
  try {
    const [, within] = text.match(/<script[^>]* id="pellucid-state">([^<]*)</) ?? [];
    state = checked(JSON.parse(within ?? text));
  } catch {
    // The one line below says it.
  }
  if (!state) throw new Error("This file holds no experiment: open one that was saved here.");
  return state;
}

/** Let the reader save a blob under a name. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function checked(state) {
  const { experiment, view, focus } = state ?? {};
  return typeof experiment?.subject === "object" ? { experiment, view, focus } : null;
}

function encoded(text) {
  return new TextEncoder().encode(text);
}

async function through(transform, bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
