// What the page's custom elements have in common: a store, and a render on every new run.

/** A custom element with a `.store`, which draws itself by render() when there is a new run. */
export class Part extends HTMLElement {
  #store = null;
  #again = () => this.#draw();
  #left = null;

  connectedCallback() {
    this.#left = new AbortController();
    this.listen(this.#left.signal);
    // What was set before the element was known lies on the object itself: let the setter have it.
    if (Object.hasOwn(this, "store")) {
      const early = this.store;
      delete this.store;
      this.store = early;
    }
    this.#store?.addEventListener("run", this.#again);
    this.#draw();
  }

  disconnectedCallback() {
    this.#left?.abort();
    this.#store?.removeEventListener("run", this.#again);
  }

  get store() {
    return this.#store;
  }

  set store(store) {
    this.#store?.removeEventListener("run", this.#again);
    this.#store = store;
    if (!this.isConnected) return;
    store?.addEventListener("run", this.#again);
    this.#draw();
  }

  /** Listen to what is outside of the element: `signal` ends that when it is taken away. */
  listen() {}

  /** Draw what the store's run says; called when there is one and the element is in the page. */
  render() {}

  #draw() {
    if (this.isConnected && this.#store?.run) this.render();
  }
}
