"""Which tensor went wrong first: the failed step is run again with everything on a tape."""

from typing import Any

import torch
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.tape import Tape
from pellucid.tree import Tree, flatten

GROWN = 10.0
"""A tensor is said to have run away where it is so many times larger than it was."""


def first_wrong(model: Any, before: Any, batch: tuple[Tensor, ...], **how: Any) -> str:
    """One clause that names the first tensor of the step that is no finite number, or too large.

    `model` is the one that failed, in the dtype it computed in; `before` one of the same shape
    that did well, which says how large each tensor used to be. Weights come first, then what the
    forward and the backward make, in the order in which they are made.
    """
    if lost := lost_weight(model.params):
        return f"the first tensor that went wrong is {lost}"
    try:
        failed, well = _replay(model, batch, how), _replay(before, batch, how)
    except PellucidError as error:
        return f"a traced replay of the step was not possible: {error}"
    sizes = {}
    for name, value in failed.items():
        if not bool(value.isfinite().all()):
            return f"the first tensor that went wrong is {name}: {_broken(value)}"
        usual = _size(well[name]) if name in well else 0.0
        if usual > 0:
            sizes[name] = _size(value) / usual
    for name, grown in sizes.items():
        if grown > GROWN:
            return (
                f"the first tensor that diverged is {name}: its numbers are {grown:.3g} times as "
                "large as with the weights of the last evaluation"
            )
    return (
        "a traced replay of the step by the reference layers stays finite, so that a faster "
        "kernel or the number format is at fault"
    )


def lost_weight(params: Tree) -> str:
    """A clause that names the first weight with a number that is not finite; nothing without."""
    for name, weight in flatten(params).items():
        if not bool(weight.isfinite().all()):
            return f"the weight {name}: {_broken(weight)}"
    return ""


def _replay(model: Any, batch: tuple[Tensor, ...], how: dict[str, Any]) -> dict[str, Tensor]:
    """Every number that a step makes, in order, with the reference layers."""
    tape = Tape()
    model.loss_and_grads(*batch, tape, **how)
    names = [name for name in tape if tape.made_by(name) is not None and name != "mask"]
    values = {name: tape.value(name) for name in names}
    return {
        name: value.masked_fill(value == -torch.inf, 0) if name.endswith("scores") else value
        for name, value in values.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    }


def _size(value: Tensor) -> float:
    """The root of the mean square, in float64, whose range no float32 leaves."""
    return float(value.double().square().mean().sqrt()) if value.numel() else 0.0


def _broken(value: Tensor) -> str:
    """How many numbers are none, and the largest of the others."""
    count = int((~value.isfinite()).sum())
    kinds = [
        word for word, some in (("NaN", value.isnan()), ("infinite", value.isinf())) if some.any()
    ]
    finite = value[value.isfinite()]
    rest = f"; of the others the largest is {float(finite.abs().max()):.3g}" if len(finite) else ""
    return f"{count:,} of its {value.numel():,} numbers are {' or '.join(kinds)}{rest}"
