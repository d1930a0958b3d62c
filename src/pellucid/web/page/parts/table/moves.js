// Where a key leads in a grid.

/** The next place for a key; null for a key that moves nowhere. */
export function moveOf({ key, ctrlKey, metaKey }, { row, column }, { rows, columns }, page) {
  const all = ctrlKey || metaKey;
  const moves = {
    ArrowRight: [row, column + 1],
    ArrowLeft: [row, column - 1],
    ArrowDown: [row + 1, column],
    ArrowUp: [row - 1, column],
    Home: [all ? 0 : row, 0],
    End: [all ? rows - 1 : row, columns - 1],
    PageDown: [row + page, column],
    PageUp: [row - page, column],
  };
  const next = moves[key];
  if (!next) return null;
  return { row: held(next[0], rows), column: held(next[1], columns) };
}

function held(place, count) {
  return Math.max(0, Math.min(count - 1, place));
}
