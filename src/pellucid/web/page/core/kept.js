// What a reader has chosen for the page itself, kept for the next visit; without storage, for this.

const PREFIX = "pellucid ";

/** What was kept under a name; null where nothing was. */
export function kept(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** Keep a text under a name. */
export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // It lasts as long as the page.
  }
}
