// The calls as they were recorded: where no server is, the page shows what was asked before.

import { ApiError } from "./api_error.js";
import { chunks } from "./record_chunks.js";
import { pictureOf, stacked, windowOf } from "./record_tensors.js";

const LACKS = "This page is a record, with no model behind it: to compute something new, run " +
  "`pellucid serve`.";

/** Calls to the record in a folder, made by `pellucid site`: what core/http_api.js is by HTTP. */
export function recordApi(folder) {
  const load = chunks(folder);
  return { call, stream, url: (path) => path, recorded: true };

  async function call(name, fields = {}, { signal } = {}) {
    const found = await answer(name, fields);
    if (signal?.aborted) throw new DOMException("broken off", "AbortError");
    if (found === undefined) throw new ApiError(LACKS);
    return found;
  }

  async function stream(name, fields = {}, { onEvent = () => {}, signal } = {}) {
    const { events, done } = await call(name, fields, { signal });
    for (const event of events) onEvent(event);
    return done;
  }

  async function answer(name, { experiment, ...fields }) {
    const index = (await load("index")).said;
    if (name === "start") return index.start;
    const runOf = (one) => one && index.runs[keyOf(one, index.update)];
    const run = runOf(experiment);
    if (!run) return undefined;
    if (fields.before) fields.before = runOf(fields.before);
    if (name === "tensor") return tensor(run, fields, runOf);
    if (name === "picture") return picture(run, fields);
    const asked = `${name} ${line({ ...index.defaults[name], ...fields })}`;
    if (name === "why") return (await thing(run, `why ${fields.name.split("[")[0]}`))?.said[asked];
    return (await load(`${run}/0`)).said.answers[asked];
  }

  // A thing of a run, with the bytes of its file: {said, data}; nothing where it was not recorded.
  async function thing(run, name) {
    const { places } = (await load(`${run}/0`)).said;
    const [place] = Object.entries(places).find(([, names]) => names.includes(name)) ?? [];
    if (!place) return undefined;
    const { said, data } = await load(place);
    return { said: said[name], data };
  }

  async function tensor(run, { against, ...fields }, runOf) {
    const found = await thing(run, `tensor ${fields.name}`);
    const made = found && windowOf(found, fields);
    if (!made || !against) return made;
    const beside = runOf(against);
    if (!beside) return undefined;
    const other = await thing(beside, `tensor ${fields.name}`);
    const same = other && String(other.said.shape) === String(found.said.shape);
    if (!same) return made;
    const { values, texts } = windowOf(other, fields) ?? {};
    return values && { ...made, against: { values, texts } };
  }

  // Without a lead all the matrices of three axes are one picture.
  async function picture(run, fields) {
    const said = (await thing(run, `picture ${fields.name}`))?.said ?? {};
    if (fields.lead?.length || said[line([])]) return matrix(run, fields, said);
    const numbers = (await thing(run, `tensor ${fields.name}`))?.said;
    const count = numbers?.shape.length === 3 ? numbers.shape[0] : Object.keys(said).length;
    if (!count) return matrix(run, fields, said);
    const parts = Array.from({ length: count }, (_, at) => matrix(run, { ...fields, lead: [at] }, said));
    return stacked(await Promise.all(parts));
  }

  // From afar as it was recorded; what must be finer is made of the numbers.
  async function matrix(run, { name, lead = [], height = 64, width = 64 }, said) {
    const afar = said[line(lead)];
    const [rows, columns] = afar?.shape ?? [0, 0];
    const enough = afar?.height >= Math.min(rows, height) && afar?.width >= Math.min(columns, width);
    if (enough) return afar;
    const found = await thing(run, `tensor ${name}`);
    return (found && pictureOf(found, lead)) ?? afar;
  }
}

/** An experiment in one line, with all that it leaves unsaid. */
function keyOf({ subject, text = null, actions = [], next = {} }, update) {
  const whole = actions.map((action) => action.do === "step"
    ? { ...update, count: 1, ...action }
    : { index: [], ...action });
  return line({ subject, text, actions: whole, next: { ...update, ...next } });
}

// The same line that Python makes: the fields in order, without those that are null.
function line(value) {
  return JSON.stringify(inOrder(value));
}

function inOrder(value) {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const said = Object.keys(value).filter((name) => (value[name] ?? null) !== null).sort();
  return Object.fromEntries(said.map((name) => [name, inOrder(value[name])]));
}
