// Where in the outline something was set by hand, so that what is out of play does not look alive.

import { actionsOf } from "./actions.js";

/** The outline, its nodes with a `mark`: "ablated", "zeroed" or "edited"; `dead` is what adds 0. */
export function marked(outline, experiment) {
  const edits = actionsOf(experiment).filter((action) => action.do !== "step");
  return edits.length ? outline.map((node) => markedNode(node, edits)) : outline;
}

function markedNode(node, edits) {
  const children = node.children.map((child) => markedNode(child, edits));
  const mark = markOf(node, edits);
  return { ...node, children, mark, dead: mark === "ablated" || mark === "zeroed" };
}

// A head is its attention, any other node what it makes at last: where all of that is 0, it is out.
function markOf({ kind, tensors }, edits) {
  const head = kind === "head";
  const own = tensors.filter(({ name }) => !name.includes(".intervened."));
  const out = head ? own.find(({ name }) => name.endsWith(".att")) : own.at(-1);
  let mark = "";
  for (const { name, index = [], value } of edits) {
    const tensor = tensors.find((one) => one.name === name && meets(index, one.lead ?? []));
    if (!tensor) continue;
    const whole = tensor === out && index.length <= (tensor.lead ?? []).length;
    if (whole && value === 0) mark = head ? "ablated" : "zeroed";
    else if (!mark || tensor === out) mark = value === 0 && mark ? mark : "edited";
  }
  return mark;
}

function meets(index, lead) {
  return lead.every((at, axis) => axis >= index.length || index[axis] === at);
}
