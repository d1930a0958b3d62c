"""How much of a run is recorded: which tensors whole, and of which numbers the arithmetic."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from torch import Tensor

STATE = (".m", ".v", ".m_hat", ".v_hat", ".update", ".new", ".m_before", ".v_before")
"""What an optimizer makes of a parameter: six times as much as the model."""

RESULTS = ("loss", "losses", "probs")
"""What is explained of a run in which something was changed."""


@dataclass(frozen=True)
class Depth:
    """How much of a run is recorded.

    `numbers`: how large a tensor may be that is kept whole, and `parameters` the same of a
    parameter or its gradient; larger ones are left out unless `corners`. `every`: up to how many
    numbers the arithmetic of all is kept, and else of `some`, and for each of `back` of the numbers
    that it is made of.
    """

    numbers: int
    parameters: int
    every: int = 0
    some: int = 0
    back: int = 0
    corners: bool = True


EXAMPLE = Depth(1 << 16, 1 << 16, every=8000, some=2000)
"""A worked example as it is."""

CHANGED = Depth(1 << 16, 1 << 16)
"""A worked example after something was done to it."""

MODEL = Depth(8192, 1 << 19, some=300, back=8)
"""A model on its text."""

CHANGED_MODEL = Depth(4096, 4096, corners=False)
"""A model after something was done to it."""


def chosen(tensors: Mapping[str, Tensor], depth: Depth) -> dict[str, list[tuple[int, ...]]]:
    """Which numbers are explained: all; of each tensor its diagonal, its last row, and a few; or
    the results alone.
    """
    if not depth.some:
        return {name: _samples(tensors[name], 30) for name in RESULTS if name in tensors}
    if sum(value.numel() for value in tensors.values()) <= depth.every:
        return {name: list(product(*map(range, one.shape))) for name, one in tensors.items()}
    likely = [name for name in tensors if not name.endswith(STATE)]
    share = max(1, depth.some // len(likely))
    return {name: _samples(tensors[name], share) for name in likely}


def _samples(value: Tensor, count: int) -> list[tuple[int, ...]]:
    """Some places of a tensor: the diagonal of its last matrix, backwards, and the last rows."""
    if not value.numel():
        return []
    if value.numel() <= count:
        return list(product(*map(range, value.shape)))
    *lead, rows, columns = [1, 1, *value.shape]
    last = tuple(size - 1 for size in lead)[2:] if value.dim() > 2 else ()
    shorter = min(rows, columns)
    diagonal = [(rows - 1 - step, columns - 1 - step) for step in range(shorter)]
    dice = random.Random(0)
    more = [(rows - 1, dice.randrange(columns)) for _ in range(count)]
    places = list(dict.fromkeys([*diagonal[: (count + 1) // 2], *more]))[:count]
    return [(*last, *place)[-value.dim() :] if value.dim() else () for place in places]
