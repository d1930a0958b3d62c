// The page: what there is, what was shared with it, and the app that shows both.

import "./parts/app.js";
import "./parts/panels.js";
import { pageApi } from "./core/api.js";
import { h } from "./core/dom.js";
import { fromFragment, toFragment } from "./core/share.js";
import { Store } from "./core/store.js";

const root = document.getElementById("pellucid");
const store = new Store(pageApi());
const app = h("pel-app");
app.store = store;
root.replaceChildren(app);

let entry = null; // the place in the browser's history that one is at
let following = false;
let later = 0;
let writing = Promise.resolve();

/** Show what the address says; where it says nothing, what the page opens on. */
async function follow(back = false) {
  following = true;
  const shared = await fromFragment(location.hash);
  // Back changes what is looked at: what was done to the model is taken back by Undo.
  const same = back && shared && subjectOf(shared.experiment) === subjectOf(store.experiment);
  if (same) await app.open({ ...shared, experiment: store.experiment });
  else if (shared) await app.open(shared);
  else await app.home();
  following = false;
  entry = place();
  remember();
}

/** Keep the state in the address, once for all that changes at a time. */
function remember() {
  clearTimeout(later);
  later = setTimeout(() => {
    if (following) return;
    const [state, here] = [app.state, place()];
    const turned = entry !== null && here !== entry;
    entry = here;
    writing = writing.then(() => write(state, turned));
  });
}

async function write(state, turned) {
  if (store.run) document.title = `${store.run.title} · Pellucid`;
  const address = `#${await toFragment(state)}`;
  history[turned ? "pushState" : "replaceState"]({ own: true }, "", address);
}

// Another view, model or text is another place; a step or an edit stays in the same.
function place() {
  return `${app.view} ${subjectOf(store.experiment)}`;
}

function subjectOf(experiment) {
  return JSON.stringify([experiment?.subject, experiment?.text]);
}

async function begin() {
  try {
    await store.begin();
    app.ready();
    await follow();
  } catch {
    // The app has said the problem.
  }
}

app.addEventListener("pel-state", remember);
window.addEventListener("popstate", ({ state }) => follow(state?.own));
begin();
