// What was done, in the browser's history: Back returns to the state before, Forward to the next.

import { fromFragment, toFragment } from "./share.js";

const PATIENCE = 10_000; // milliseconds that a browser may take to go to a place

/**
 * Keep an app's state in the address: {follow()} shows what the address says. A view, a model, a
 * text, and each thing done to a model is a place of its own; undo and redo go to the places that
 * there are. What is looked at, and settings, stay in the same place.
 */
export function visited(app) {
  const { store } = app;
  const visit = Math.random().toString(36).slice(2);
  let places = []; // of this visit, as they were
  let at = 0;
  let turn = 0; // the newest place that is gone to
  let following = false;
  let moved = null; // called when the browser has gone where undo or redo sent it
  let later = 0;
  let writing = Promise.resolve();

  async function follow(kept = history.state) {
    const mine = ++turn;
    following = true;
    const shared = await fromFragment(location.hash);
    if (mine !== turn) return;
    if (shared) await app.open({ ...shared, undone: kept?.undone ?? [] });
    else await app.home();
    if (mine !== turn) return;
    following = false;
    places[at] = placeOf(app.state, store.undone);
    remember();
  }

  /** Keep the state in the address, once for all that changes at a time. */
  function remember() {
    clearTimeout(later);
    later = setTimeout(() => {
      writing = writing.then(write);
    });
  }

  async function write() {
    if (following || !store.run) return;
    const [mine, state, undone] = [turn, app.state, store.undone];
    const here = placeOf(state, undone);
    document.title = `${app.heading} · Pellucid`;
    const address = `#${await toFragment(state)}`;
    if (mine !== turn) return; // Back was quicker
    const step = places[at] ? stepTo(here) : 0;
    const there = step === 0 || (step !== null && (await gone(step)));
    if (there) {
      at += step;
      places[at] = here;
      history.replaceState({ visit, at, undone }, "", address);
    } else {
      places = [...places.slice(0, at + 1), here];
      history.pushState({ visit, at: ++at, undone }, "", address);
    }
  }

  // Go to a place that there is; whether the browser went: it forgets the oldest of very many.
  function gone(step) {
    if (step < 0 && window.navigation?.canGoBack === false) return false;
    return new Promise((resolve) => {
      const ended = (went) => {
        clearTimeout(late);
        moved = null;
        resolve(went);
      };
      const late = setTimeout(() => ended(false), PATIENCE);
      moved = () => ended(true);
      history.go(step);
    });
  }

  // How far it is to where undo or redo lead; 0 where one is there, null where it is a new place.
  function stepTo(here) {
    const now = places[at];
    if (same(here, now)) return 0;
    const way = Math.sign(now.undone - here.undone);
    for (let step = way; step && places[at + step]?.where === here.where; step += way) {
      if (same(here, places[at + step])) return step;
    }
    return null;
  }

  app.addEventListener("pel-state", remember);
  window.addEventListener("popstate", ({ state }) => {
    if (moved) return void moved();
    // An address that was typed in is a new place behind this one.
    if (state?.visit !== visit) places = state ? [] : places.slice(0, at + 1);
    at = state?.at ?? at + 1;
    follow(state);
  });
  at = history.state?.at ?? 0;
  return { follow };
}

function placeOf({ experiment, view }, undone = []) {
  const { subject, text, actions } = experiment ?? {};
  return {
    where: JSON.stringify([view, subject, text]),
    done: JSON.stringify(actions ?? []),
    undone: undone.length,
  };
}

function same(one, other) {
  return one.where === other.where && one.done === other.done;
}
