// The likeliest next tokens, for the bars at the end of the stream: the store's, as they come.

const TOP = 7;

/** How many of them a run has to show: none where nothing comes next. */
export function countOfNext({ kind, tokens, losses, model }) {
  const some = kind === "model" && tokens.length && losses.length;
  return some ? Math.min(TOP, model?.vocabulary ?? TOP) : 0;
}

/** Calls `arrived` whenever a store's next tokens are others; one store at a time is followed, and
 * none after null. */
export function following(arrived) {
  let [followed, left] = [null, null];
  return (store) => {
    if (store === followed) return;
    left?.abort();
    [followed, left] = [store, new AbortController()];
    store?.addEventListener("next", arrived, { signal: left.signal });
  };
}
