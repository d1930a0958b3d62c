// What was done to a model, as one says it, and what of it can be taken back.

import { numberName, written } from "../core/numbers.js";

export const OPTIMIZERS = [
  ["sgd", "SGD"], ["momentum", "Momentum"], ["adam", "Adam"], ["adamw", "AdamW"],
];

const HEAD = /^(?:(\w+)\.)?h\.(\d+)\.(attn|cross)\.att$/;
const MLP = /^(?:(\w+)\.)?h\.(\d+)\.mlp\.c_proj\.out$/;
const STREAMS = { enc: "encoder ", dec: "decoder " };

/** An action in a few words. */
export function inWords(action) {
  if (action.do === "step") {
    const name = OPTIMIZERS.find(([one]) => one === action.optimizer)?.[1] ?? action.optimizer;
    const many = (action.count ?? 1) === 1 ? "1 step" : `${action.count} steps`;
    return `${many} of ${name}, learning rate ${action.learning_rate}`;
  }
  const { name, index = [] } = action;
  const place = index.length ? numberName(name, index) : `all of ${name}`;
  if (action.do === "steer") return `${name} steered, ${steeredBy(action)}`;
  if (action.do === "patch") return `${place} from “${brief(action.text)}”`;
  const head = name.match(HEAD);
  if (head && index.length === 1 && action.value === 0) {
    const cross = head[3] === "cross" ? "cross-attention " : "";
    return `${cross}head ${index[0]} of ${blockOf(head)} ablated`;
  }
  const mlp = name.match(MLP);
  if (mlp && !index.length && action.value === 0) return `MLP of ${blockOf(mlp)} zeroed`;
  return `${place} set to ${written(action.value)}`;
}

function blockOf([, stream, block]) {
  return `${STREAMS[stream] ?? ""}block ${block}`;
}

/** The actions of an experiment. */
export function actionsOf(experiment) {
  return experiment.actions ?? [];
}

/** An experiment without the actions at these places. */
export function without(experiment, places) {
  const actions = actionsOf(experiment).filter((_, place) => !places.includes(place));
  return { ...experiment, actions };
}

/** Where among the actions all of that name and index is set to 0. */
export function zeroed(experiment, name, index) {
  const wanted = JSON.stringify(index);
  return actionsOf(experiment).flatMap((action, place) => {
    const same = action.do === "set" && action.name === name && action.value === 0;
    return same && JSON.stringify(action.index ?? []) === wanted ? [place] : [];
  });
}

function steeredBy({ strength, text, against, first, second }) {
  const way = text === undefined || text === null
    ? `token ${first} − token ${second}` : `from “${brief(against)}” to “${brief(text)}”`;
  return `${written(strength)} × (${way})`;
}

function brief(text) {
  return text.length > 32 ? `${text.slice(0, 31)}…` : text;
}
