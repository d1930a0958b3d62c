// The page: what there is, what was shared with it, and the app that shows both.

import "./parts/app.js";
import "./parts/panels.js";
import { httpApi } from "./core/api.js";
import { h } from "./core/dom.js";
import { fromFragment, toFragment } from "./core/share.js";
import { Store } from "./core/store.js";

const root = document.getElementById("pellucid");
const store = new Store(httpApi());
const app = h("pel-app");
app.store = store;
root.replaceChildren(app);

/** Show what the address says; the start page where it says nothing. */
async function follow() {
  const shared = await fromFragment(location.hash);
  if (shared) await app.open(shared);
  else app.home();
}

/** Keep the state in the address. */
async function remember() {
  document.title = `${store.run.title} · Pellucid`;
  const state = app.view === "start" ? "" : `#${await toFragment(app.state)}`;
  if (state !== location.hash) {
    history.replaceState(null, "", state || location.pathname + location.search);
  }
}

app.addEventListener("pel-state", remember);
window.addEventListener("hashchange", follow);
try {
  await store.begin();
  app.ready();
  await follow();
} catch {
  // The app has said the problem.
}
