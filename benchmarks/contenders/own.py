"""Pellucid itself."""

from typing import Any

import torch
from torch import Tensor

from contenders.task import SMOLLM2, Contender, Task
from contenders.torch_tools import (
    BETAS,
    CLIP,
    DECAY,
    LEARNING_RATE,
    Generation,
    Training,
    dtype_of,
    set_up,
)
from pellucid.checkpoint import load
from pellucid.kernels import FAST, adamw_rule, fastest
from pellucid.optim import adamw, clip_by_global_norm, decay_groups
from pellucid.train.memory import keep_memory
from pellucid.tree import map_leaves

PACKAGES = ("pellucid", "torch")


def prepare(task: Task) -> bool:
    """The common weights are read as they are; a file that llama.cpp quantizes, it writes."""
    if task.model != SMOLLM2 or task.gguf.exists():
        return False
    from contenders import llama  # noqa: PLC0415 - a peer, which may not be installed

    return llama.prepare(task)


def open_contender(task: Task) -> Contender:
    """The model by the variant's ops, in a process that keeps its memory, as the commands do."""
    keep_memory()
    set_up(task)
    place = task.gguf if task.model == SMOLLM2 else task.common
    if "packed" in task.variant:
        return generation(load(place, form=form_of(task)), task)
    model: Any = load(place)
    if task.work == "train":
        step = graph_step if "compiled" in task.variant else eager_step
        return Training(step(model, mixed=task.precision == "bfloat16"), task)
    return generation(model.to(dtype=dtype_of(task)), task)


def form_of(task: Task) -> Any:
    """How the matrices are packed: the file's own numbers, or the task's precision."""
    return "stored" if task.model == SMOLLM2 else task.precision


def graph_step(model: Any, *, mixed: bool) -> Any:
    """A step as `pellucid train --compile` makes it, on weights of its own."""
    from pellucid.train import Recipe, compiled_step  # noqa: PLC0415 - takes a while to load

    recipe = Recipe(
        learning_rate=LEARNING_RATE,
        warmup_iters=0,
        min_lr_ratio=1.0,
        betas=BETAS,
        grad_clip=CLIP,
        weight_decay=DECAY,
        mixed=mixed,
    )
    return compiled_step(model, recipe)


def eager_step(model: Any, *, mixed: bool) -> Any:
    """A step as `pellucid train` makes it."""
    decay = decay_groups(model.params, DECAY)
    held: dict[str, Any] = {"params": model.params, "state": None}

    def step(tokens: Tensor, targets: Tensor) -> Tensor:
        now = model.with_params(held["params"])
        computing = now.to(dtype=torch.bfloat16) if mixed else now
        loss, grads = computing.loss_and_grads(tokens, targets, ops=FAST)
        grads = map_leaves(lambda grad: grad.float(), grads)
        clipped, _ = clip_by_global_norm(grads, CLIP)
        held["params"], held["state"] = adamw(
            held["params"],
            clipped,
            held["state"],
            learning_rate=LEARNING_RATE,
            betas=BETAS,
            weight_decay=decay,
            rule=adamw_rule,
        )
        return loss

    return step


def generation(model: Any, task: Task) -> Generation:
    """The model by the table that computes it the fastest."""
    ops = fastest(model.params)

    def extend(tokens: Tensor, past: Any) -> tuple[Tensor, Any]:
        logits, more = model.extend(tokens, past, ops=ops, last=1)
        return logits[:, -1], more

    return Generation(extend, task)
