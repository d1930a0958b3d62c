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
