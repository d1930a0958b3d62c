"""Mistakes in the loss: in its sum, in its logarithm, in ignored targets and in its gradient."""

import math
from typing import Any

import torch

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import step
from pellucid.layers import cross_entropy, cross_entropy_backward

Line = tuple[str, str]

AVERAGE = "losses.sum() / counted.sum()"
SHARED = "dloss * deviation / counted.sum()"
NATS = "-log_probs.gather(-1, index).squeeze(-1)"
LESS_ONE = "probs.scatter_add(-1, index, -torch.ones_like(probs))"


def halves(whole: Mistake, text: str, backward: tuple[Line, ...]) -> tuple[Mistake, ...]:
    """A mistake in the loss: in forward and backward, in the forward, and in the backward alone.

    `text` says what the loss is, and `backward` are the lines of the backward. Where the loss is
    not shown, it is the gradient that is known to be wrong; where no gradient is, the loss.
    """
    name, changes = whole.name, whole.changes
    inner, outer = f"{name}_in_gradient", f"{name}_in_loss"
    undo = {cross_entropy_backward: changes[cross_entropy_backward]}
    alone = {cross_entropy: changes[cross_entropy]}
    return (
        Mistake(name, f"the loss {text}", whole.lines, changes, unless=(*whole.unless, inner)),
        Mistake(
            outer,
            f"the loss {text}, and its gradient is right",
            whole.lines,
            alone,
            unless=(*(f"{one}_in_loss" for one in whole.unless), name),
        ),
        Mistake(
            inner,
            f"the gradient is that of a loss that {text}",
            backward,
            undo,
            unless=tuple(f"{one}_in_gradient" for one in whole.unless),
        ),
    )


def _averaged(name: str, text: str, divided: str, average: Any, shared: Any) -> tuple[Mistake, ...]:
    whole = Mistake(
        name,
        "",
        ((AVERAGE, f"losses.sum(){divided}"),),
        {
            cross_entropy: step(average=average),
            cross_entropy_backward: step(shared=shared),
        },
    )
    return halves(whole, text, ((SHARED, f"dloss * deviation{divided}"),))


def _base(base: int, text: str) -> tuple[Mistake, ...]:
    nat = math.log(base)
    whole = Mistake(
        f"loss_log{base}",
        "",
        ((NATS, f"({NATS} / math.log({base}))"),),
        {
            cross_entropy: step(
                nats=lambda log_probs, index: -log_probs.gather(-1, index).squeeze(-1) / nat
            ),
            cross_entropy_backward: step(shared=lambda whole, counted: whole / counted.sum() / nat),
        },
    )
    return halves(whole, text, ((SHARED, f"{SHARED} / math.log({base})"),))


def _gradient(name: str, text: str, *lines: Line, **wrong: Any) -> Mistake:
    return Mistake(name, text, lines, {cross_entropy_backward: step(**wrong)})


LOSS: tuple[Mistake, ...] = (
    *_averaged(
        "loss_summed",
        "is summed over the positions, not averaged",
        "",
        lambda losses, _: losses.sum(),
        lambda whole, _: whole,
    ),
    *_averaged(
        "loss_over_all",
        "is averaged over all positions, and those whose target is ignored count as 0",
        " / counted.numel()",
        lambda losses, counted: losses.sum() / counted.numel(),
        lambda whole, counted: whole / counted.numel(),
    ),
    *_base(2, "is in bits: the logarithm is to base 2"),
    *_base(10, "has the logarithm to base 10"),
    _gradient(
        "grad_without_target",
        "the gradient of the logits is the probabilities, without the 1 that is taken off at "
        "the target",
        (LESS_ONE, "probs"),
        less_one=lambda probs, *_: probs,
    ),
    _gradient(
        "grad_without_softmax",
        "the gradient of the probabilities, -1/P at the target, stands for that of the logits",
        (LESS_ONE, "torch.zeros_like(probs).scatter_add(-1, index, -1 / probs.gather(-1, index))"),
        less_one=lambda probs, index, _: torch.zeros_like(probs).scatter_add(
            -1, index, -1 / probs.gather(-1, index)
        ),
    ),
    _gradient(
        "grad_of_ignored",
        "the logits of positions whose target is ignored have a gradient, their probabilities",
        (
            LESS_ONE,
            "probs.scatter_add(-1, index, -torch.ones_like(probs) * counted.unsqueeze(-1))",
        ),
        ("everywhere.where(counted.unsqueeze(-1), 0)", "everywhere"),
        less_one=lambda probs, index, counted: probs.scatter_add(
            -1, index, -torch.ones_like(probs).where(counted.unsqueeze(-1), 0)
        ),
        kept=lambda everywhere, _: everywhere,
    ),
)
"""Those of the loss."""
