// What was read of a run, kept while it is shown; the newest question is asked first.

const KEPT = 3000;
const AT_ONCE = 4; // a browser has six connections to a server: the others are for what is clicked
const UNQUEUED = new Set(["why"]);

/** Answers by their question, each asked once; `ask(name, fields, {signal})` asks the server. */
export class Reads {
  #ask;
  #kept = new Map();
  #waiting = []; // the last of it is asked first
  #batch = []; // asked for at one go: these among themselves in their order
  #running = 0;
  #life = new AbortController();

  constructor(ask) {
    this.#ask = ask;
  }

  /** The answer, from what is kept where it was asked before. */
  get(name, fields) {
    const key = `${name} ${JSON.stringify(fields)}`;
    const known = this.#kept.get(key);
    if (known) return known;
    const answer = this.#queued(name, fields);
    this.#kept.set(key, answer);
    answer.catch(() => {
      if (this.#kept.get(key) === answer) this.#kept.delete(key);
    });
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value);
    return answer;
  }

  /** Forget all: what waits is broken off with an AbortError. */
  clear() {
    this.#life.abort();
    this.#life = new AbortController();
    const dropped = [...this.#waiting.splice(0), ...this.#batch.splice(0)];
    for (const { reject } of dropped) reject(broken());
    this.#kept.clear();
  }

  #queued(name, fields) {
    const { signal } = this.#life;
    if (UNQUEUED.has(name)) return this.#ask(name, fields, { signal });
    return new Promise((resolve, reject) => {
      if (!this.#batch.length) queueMicrotask(() => this.#flush());
      this.#batch.push({ work: () => this.#ask(name, fields, { signal }), resolve, reject });
    });
  }

  #flush() {
    this.#waiting.push(...this.#batch.reverse());
    this.#batch = [];
    this.#next();
  }

  #next() {
    while (this.#running < AT_ONCE && this.#waiting.length) {
      const { work, resolve, reject } = this.#waiting.pop();
      this.#running += 1;
      work().then(resolve, reject).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }
}

function broken() {
  return new DOMException("another run is shown", "AbortError");
}
