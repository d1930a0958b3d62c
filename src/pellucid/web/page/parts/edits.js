// Where in the outline something was set by hand, so that what is out of play does not look alive.

import { actionsOf } from "./actions.js";

/**
 * The outline, its nodes with a `mark`: "ablated", "zeroed" or "edited"; `dead` is what adds 0, and
 * `marks` how many nodes and tensors within are marked. A tensor's `mark` is "set" or "patched".
 */
export function marked(outline, experiment) {
  const edits = actionsOf(experiment).filter((action) => action.do !== "step");
  return edits.length ? outline.map((node) => markedNode(node, edits)) : outline;
}

function markedNode(node, edits) {
  const children = node.children.map((child) => markedNode(child, edits));
  const mark = markOf(node, edits);
  const tensors = node.tensors.map((tensor) => markedTensor(tensor, edits));
  const dead = mark === "ablated" || mark === "zeroed";
  const within = children.reduce((sum, child) => sum + (child.marks || (child.mark ? 1 : 0)), 0);
  return { ...node, children, tensors, mark, dead, marks: within };
}

function markedTensor(tensor, edits) {
  const last = edits.findLast(({ name, index = [] }) =>
    name === tensor.name && meets(index, tensor.lead ?? []));
  return last ? { ...tensor, mark: last.do === "patch" ? "patched" : "set" } : tensor;
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
