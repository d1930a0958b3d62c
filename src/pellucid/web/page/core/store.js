// The experiment and its run: everything on the page is a function of these.

import { Next } from "./next.js";
import { Reads } from "./reads.js";

const WITHOUT_EXPERIMENT = new Set(["start", "train"]);

/**
 * What is looked at now. Events: "run" {detail: its number among those that were asked for} (there
 * is a new one), "next" {detail: why not, or ""} (what may come next has changed),
 * "busy" {detail: bool}, "problem" {detail: one line}, "lost" (nobody answers any more). A call that
 * fails says its problem, and rejects.
 */
export class Store extends EventTarget {
  #api;
  #experiment = null;
  #wanted = null; // the experiment that was asked for last
  #run = null;
  #undone = []; // after the one that was asked for last
  #newest = { mine: 0, experiment: null, undone: [], run: null }; // of those that could be run
  #asked = 0;
  #opening = Promise.resolve();
  #pending = 0;
  #written = Promise.resolve();
  #reads = new Reads((name, fields, how) => this.#quietly(name, fields, how));
  #next = new Next(
    (sampling) => this.#api.call("next", this.#whole("next", { sampling })),
    (problem) => this.#send("next", problem),
  );

  constructor(api) {
    super();
    this.#api = api;
    this.start = null; // the answer of start: models, examples, limits, defaults
  }

  /** How many runs were asked for: who waited for one sees whether another was meanwhile. */
  get asked() {
    return this.#asked;
  }

  get experiment() {
    return this.#experiment;
  }

  /** The experiment that was asked for last: it may still be on its way. */
  get wanted() {
    return this.#wanted;
  }

  get run() {
    return this.#run;
  }

  /** Fulfilled when what was asked for last has come, or cannot. */
  get came() {
    return this.#opening;
  }

  /** What may come next after the text, {after, tokens: [{id, text, p, …}], …}; null where nothing. */
  get next() {
    return this.#next.answer;
  }

  /** How a next token is chosen: {temperature, top_k, top_p}, null for no limit. */
  get sampling() {
    return this.#next.sampling;
  }

  /** The experiment without what was set by hand or patched. */
  get baseline() {
    const actions = (this.#experiment?.actions ?? []).filter((action) => action.do === "step");
    return this.#experiment && { ...this.#experiment, actions };
  }

  /** What was undone, the last of it at the end. */
  get undone() {
    return [...this.#undone];
  }

  get canUndo() {
    return (this.#wanted?.actions ?? []).length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** Ask what there is: the models, the examples, limits, defaults. */
  async begin() {
    this.start = await this.call("start");
    const { temperature, top_k, top_p } = this.start.defaults.sampling;
    this.#next.sampling = { temperature, top_k, top_p };
    return this.start;
  }

  /** A call with this experiment put in, unless there is one among the fields. */
  async call(name, fields = {}, how = {}) {
    return this.#said(this.#busily(() => this.#api.call(name, this.#whole(name, fields), how)));
  }

  /** The same for a call that answers bit by bit; how is {onEvent, signal}. */
  async stream(name, fields = {}, how = {}) {
    return this.#said(this.#busily(() => this.#api.stream(name, this.#whole(name, fields), how)));
  }

  /** The address of a file that the server made. */
  url(path) {
    return this.#api.url(path);
  }

  /** A window of a tensor, kept for as long as the run is shown. */
  tensor(fields) {
    return this.#reads.get("tensor", fields);
  }

  /** A tensor in few tints, likewise. */
  picture(fields) {
    return this.#reads.get("picture", fields);
  }

  /** The arithmetic of a number, likewise. */
  why(name) {
    return this.#reads.get("why", { name });
  }

  /** Forget what was read of this run: after a proof, say. */
  forget() {
    this.#reads.clear();
  }

  /** Run another experiment, and then show it; the last of several that overlap wins. What was
   * undone of it can be done again. */
  async show(experiment, undone = []) {
    return this.#open(experiment, undone);
  }

  /** Change some of the experiment, also of one that is still on its way. */
  async change(fields) {
    return this.#open({ ...this.#wanted, ...fields }, []);
  }

  /** Do one thing more to the model. */
  async act(action) {
    const actions = [...(this.#wanted.actions ?? []), action];
    return this.#open({ ...this.#wanted, actions }, []);
  }

  /** Change some of the sampling: what may come next follows, without another run. */
  async sample(fields) {
    return this.#next.change(fields);
  }

  /** Write on: the text with one of the next tokens, by default the likeliest; one after another. */
  append(id = null) {
    this.#written = this.#written.then(async () => {
      await this.#next.settled;
      const tokens = this.next?.tokens ?? [];
      const token = id === null ? tokens[0] : tokens.find((one) => one.id === id);
      return token ? this.change({ text: token.whole }) : this.#run;
    });
    return this.#written;
  }

  /** Leave out the last thing that was done. */
  async undo() {
    if (!this.canUndo) return this.#run;
    const actions = this.#wanted.actions.slice(0, -1);
    const last = this.#wanted.actions.at(-1);
    return this.#open({ ...this.#wanted, actions }, [...this.#undone, last]);
  }

  /** Do again what was undone last. */
  async redo() {
    if (!this.canRedo) return this.#run;
    const actions = [...(this.#wanted.actions ?? []), this.#undone.at(-1)];
    return this.#open({ ...this.#wanted, actions }, this.#undone.slice(0, -1));
  }

  /** Leave out all that was done; redo brings it back, one after the other. */
  async reset() {
    const undone = [...(this.#wanted.actions ?? [])].reverse();
    return this.#open({ ...this.#wanted, actions: [] }, undone);
  }

  /** Say a problem, in one line; what was broken off on purpose is none. */
  problem(error) {
    if (error.name === "AbortError") return;
    this.#send("problem", error.message ?? String(error));
    if (error.lost) this.#send("lost");
  }

  #open(experiment, undone) {
    this.#opening = this.#opened(experiment, undone);
    return this.#opening;
  }

  async #opened(experiment, undone) {
    const mine = ++this.#asked;
    // What is done next goes on from here, and not from what is still in sight.
    [this.#wanted, this.#undone] = [experiment, undone];
    const { run, error } = await this.#ran(experiment);
    if (run && mine > this.#newest.mine) this.#newest = { mine, experiment, undone, run };
    if (mine !== this.#asked) return this.#run;
    // Where the last of several cannot be run, the newest that can is shown.
    const newest = this.#newest;
    [this.#wanted, this.#undone] = [newest.experiment, newest.undone];
    if (newest.run !== this.#run) {
      [this.#experiment, this.#run] = [newest.experiment, newest.run];
      this.#reads.clear();
      this.#send("run", newest.mine);
      this.#next.run((this.#run.tokens ?? []).length > 0);
    }
    if (error) this.problem(error);
    return this.#run;
  }

  async #ran(experiment) {
    try {
      return { run: await this.#busily(() => this.#api.call("open", { experiment }, {})) };
    } catch (error) {
      return { error };
    }
  }

  #whole(name, fields) {
    return WITHOUT_EXPERIMENT.has(name) ? fields : { experiment: this.#experiment, ...fields };
  }

  #quietly(name, fields, how) {
    return this.#said(this.#api.call(name, this.#whole(name, fields), how));
  }

  #said(answer) {
    return answer.catch((error) => {
      this.problem(error);
      throw error;
    });
  }

  async #busily(work) {
    if (this.#pending++ === 0) this.#send("busy", true);
    try {
      return await work();
    } finally {
      if (--this.#pending === 0) this.#send("busy", false);
    }
  }

  #send(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
