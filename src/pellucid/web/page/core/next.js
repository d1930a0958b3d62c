// What may come next after the text: asked again, without a run, when the sampling changes.

/** The likeliest next tokens; `ask(sampling)` asks for them, `told(problem)` says they changed. */
export class Next {
  #ask;
  #told;
  #settled = Promise.resolve();
  #asking = false;
  #stale = false;
  #open = false; // whether there is a run that can be asked

  constructor(ask, told) {
    this.#ask = ask;
    this.#told = told;
    this.answer = null;
    this.sampling = { temperature: 1, top_k: null, top_p: null };
  }

  /** Change some of the sampling's settings; the answer follows. */
  change(fields) {
    this.sampling = { ...this.sampling, ...fields };
    return this.#again();
  }

  /** When all that was asked is answered. */
  get settled() {
    return this.#settled;
  }

  /** There is another run; `open` says whether something comes next in it. */
  run(open) {
    this.answer = null;
    this.#open = open;
    if (!open) this.#told("");
    return this.#again();
  }

  // One question at a time: of several changes meanwhile only what they came to is asked.
  #again() {
    this.#stale = true;
    if (!this.#asking) this.#settled = this.#asked();
    return this.#settled;
  }

  async #asked() {
    this.#asking = true;
    let problem = "";
    while (this.#stale && this.#open) {
      this.#stale = false;
      [this.answer, problem] = await this.#ask(this.sampling).then(
        (answer) => [answer, ""],
        (error) => [null, error.message],
      );
      if (!this.#stale && this.#open) this.#told(problem);
    }
    this.#asking = false;
  }
}
