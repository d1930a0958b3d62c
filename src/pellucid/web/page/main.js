// The page: what there is, what was shared with it, and the app that shows both.

import "./parts/app.js";
import "./parts/panels.js";
import { pageApi } from "./core/api.js";
import { h } from "./core/dom.js";
import { Store } from "./core/store.js";
import { visited } from "./core/visited.js";

const root = document.getElementById("pellucid");
const app = Object.assign(h("pel-app"), { store: new Store(pageApi()) });
root.replaceChildren(app);

// What is drawn on a canvas is drawn once more when its letters have come.
Promise.all(["Inter", "JetBrains Mono"].map((name) => document.fonts.load(`1rem "${name}"`)))
  .then(() => window.dispatchEvent(new Event("pel-theme")));

async function begin() {
  const places = visited(app);
  try {
    await app.store.begin();
    app.ready();
    await places.follow();
  } catch {
    // The app has said the problem.
  }
}

begin();
