// The state of an app to take along, as a link that works at any server or as a file; and back.

import { fromFile, fromFragment, save, toFile, toFragment } from "../../core/share.js";

const LINK = /^\S*#[\w-]{40,}$/; // an address or only its end, and nothing beside it

/** Copy the state as a link: without the server's address, which is a secret. */
export async function copyLink(app) {
  const { state } = app;
  // Where nothing could be run yet, the state is what was asked for.
  const link = state.experiment ? `#${await toFragment(state)}` : window.location.hash;
  await navigator.clipboard.writeText(link);
}

/** Save the state as a file. */
export function saveFile(app) {
  save(new Blob([toFile(app.state)], { type: "application/json" }), `${nameOf(app)}.json`);
}

/** Open the state of a file; what is none is said. */
export async function openFile(app, file) {
  try {
    await app.open(fromFile(await file.text()));
  } catch (error) {
    app.store.problem(error);
  }
}

/** Open files that are dropped here and links that are pasted, until `signal` ends it. */
export function listen(app, place, signal) {
  place.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) event.preventDefault();
  }, { signal });
  place.addEventListener("drop", (event) => {
    const [file] = event.dataTransfer.files;
    if (!file) return;
    event.preventDefault();
    openFile(app, file);
  }, { signal });
  place.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text/plain").trim();
    if (!LINK.test(text)) return;
    event.preventDefault();
    openLink(app, text);
  }, { signal, capture: true });
}

/** What a file of an app's is called, without its ending. */
export function nameOf({ store }) {
  const title = store.run?.title ?? "pellucid";
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "pellucid";
}

async function openLink(app, text) {
  const state = await fromFragment(text.slice(text.indexOf("#")));
  if (state) await app.open(state);
  else app.store.problem(new Error("This link holds no state: copy it from the menu Share."));
}
