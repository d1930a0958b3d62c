// A record's files: each a script that puts a text into a global object, since a page that was
// opened from disk may load scripts, and nothing else.

import { ApiError } from "./api_error.js";

const SHELF = "pellucidRecord";
const LINE = 10; // where the JSON ends and the bytes begin

/** Loads a file of the folder by its name, once: {said, data}, its JSON and the bytes behind it. */
export function chunks(folder) {
  const known = new Map();
  return (name) => {
    if (!known.has(name)) {
      const loaded = fetched(folder, name).then(unpacked);
      loaded.catch(() => known.delete(name));
      known.set(name, loaded);
    }
    return known.get(name);
  };
}

function fetched(folder, name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${folder}${name}.js`;
    script.onload = () => {
      const text = globalThis[SHELF]?.[name];
      script.remove();
      if (text === undefined) return reject(missing(name));
      delete globalThis[SHELF][name];
      return resolve(text);
    };
    script.onerror = () => {
      script.remove();
      reject(missing(name));
    };
    document.head.append(script);
  });
}

function missing(name) {
  return new ApiError(`The record's file ${name}.js is not there: build the site again.`);
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const whole = await new Response(stream).arrayBuffer();
  const end = new Uint8Array(whole).indexOf(LINE);
  const said = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 0, end)));
  return { said, data: new DataView(whole, end + 1) };
}
