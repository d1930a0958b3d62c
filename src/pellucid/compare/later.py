"""The steps after the first: losses, and where the weights are at the end, beside the pack's.

No step between is known, so nothing can be made again: what is allowed is stated. An optimizer such
as AdamW turns even a gradient that is nothing but rounding into a step of full length, either way:
so of weights, half must have moved as the pack's have.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.compare.judge import STATED, fitted
from pellucid.reference import Pack

LOSSES, NORMS = "step.losses", "step.norms"
GROWN = 10
"""How much more than after one step losses may be off after several."""

MOVED = 0.1
"""A weight has moved as the pack's if it is off by at most so much of its way."""


APART = 4
"""Where the pack's own losses in the dtype are off by more, so many times that is allowed."""


class Later(NamedTuple):
    """One tensor of the later steps."""

    name: str
    agrees: bool
    said: str
    follows: bool = True  # whether a difference in the first step may be the cause of one here


def later(
    pack: Pack, mine: Mapping[str, Tensor], start: Mapping[str, Tensor], dtype: torch.dtype
) -> Iterator[Later]:
    """Judge the losses and the last weights that `mine` has; `start` are the first weights."""
    steps = pack.manifest["steps"]
    for name, one in ((LOSSES, "loss"), (NORMS, "norm of the gradients")):
        if name in mine and name in pack.rows:
            yield of_steps(name, one, pack, mine[name], dtype)
    for parameter, weight in start.items():
        name = f"step.{steps}.{parameter}.new"
        row = pack.rows.get(name)
        if name in mine and row is not None and "kept" not in row:
            whole = fitted(name, mine[name], weight.shape)
            yield moved(name, pack, pack.part(name, whole), pack.part(name, weight), dtype)


def moved(name: str, pack: Pack, mine: Tensor, start: Tensor, dtype: torch.dtype) -> Later:
    """Judge where weights are that began at `start`: as many numbers of each as the pack has.

    Each step may have rounded them by half a unit in the last place of the `dtype`.
    """
    theirs = pack.tensor(name, pack.finest).double()
    way = (theirs - start.double()).abs()
    rounding = pack.manifest["steps"] * torch.finfo(dtype).eps / 2 * theirs.abs()
    share = float(((mine.double() - theirs).abs() <= MOVED * way + rounding).double().mean())
    some = "" if pack.is_whole(name) else f" {theirs.numel()}"
    said = f"{share:.1%} of the{some} weights are where the pack's are"
    return Later(name, share >= 0.5, f"{said}" if not some else f"{said}, which has no more")


def of_steps(name: str, one: str, pack: Pack, mine: Tensor, dtype: torch.dtype) -> Later:
    """Judge what is one number a step, called `one` in words."""
    own = mine.flatten().double()[: pack.manifest["steps"]]
    theirs = pack.tensor(name, pack.finest).double()[: len(own)]
    off = (own - theirs).abs() / theirs.abs()
    allowed = (APART * _rounding(name, pack, theirs, dtype)).clamp(min=GROWN * STATED[dtype])
    near = off <= allowed
    if bool(near.all()):
        return Later(name, agrees=True, said=f"off by at most {float(off.max()):.0e} of the {one}")
    first = int((~near).nonzero()[0])
    said = f"the {one} before step {first + 1} is {float(own[first]):.7g}, and the pack's "
    return Later(name, agrees=False, said=f"{said}{float(theirs[first]):.7g}")


def _rounding(name: str, pack: Pack, finest: Tensor, dtype: torch.dtype) -> Tensor:
    """How far the pack's numbers in that dtype are from its finest: how rounding grows here."""
    kind = str(dtype).removeprefix("torch.")
    if kind not in pack.manifest["losses"]:
        return torch.zeros_like(finest)
    own = pack.tensor(name, kind).double()[: len(finest)]
    return (own - finest).abs() / finest.abs()
