"""How far another program's tensors are from a pack's: what the first difference has led to."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pellucid.compare.decoded_names import is_ids
from pellucid.compare.hidden import hidden_as_ours
from pellucid.compare.judge import PIECE, STATED, distances, largest_of
from pellucid.compare.mine import INTEGERS
from pellucid.reference import Pack


class TensorDistance(NamedTuple):
    """One tensor beside the pack's."""

    name: str
    error: float  # the largest distance; ∞ for a NaN
    relative: float  # to the pack's largest number
    ulps: float  # in units in the last place of the other program's dtype, at the worst number
    worst: tuple[int, ...]
    mine: float
    theirs: float  # the pack's

    def differs(self, dtype: torch.dtype) -> bool:
        """Whether it is farther from the pack than a run in that dtype may be."""
        return not self.relative <= STATED[dtype]


def apart(name: str, mine: Tensor, theirs: Tensor, dtype: torch.dtype) -> TensorDistance:
    """Compare two tensors of one shape."""
    flat, true = mine.reshape(-1), theirs.reshape(-1)
    error, place, largest = -1.0, 0, 0.0
    for start in range(0, len(true), PIECE):
        here = slice(start, start + PIECE)
        own, other = flat[here].double(), true[here].double()
        off = distances(own, other)
        largest = max(largest, largest_of(other))
        worst = int(off.argmax())
        if float(off[worst]) > error:
            error, place = float(off[worst]), start + worst
    there = float(true[place])
    exponent = math.frexp(there)[1] - 1 if there and math.isfinite(there) else -math.inf
    unit = max(torch.finfo(dtype).tiny, 2.0**exponent) * torch.finfo(dtype).eps
    return TensorDistance(
        name=name,
        error=error,
        relative=error / largest if largest else (math.inf if error else 0.0),
        ulps=error / unit,
        worst=tuple(map(int, np.unravel_index(place, theirs.shape))),
        mine=float(flat[place]),
        theirs=there,
    )


def beside(pack: Pack, mine: Mapping[str, Tensor], dtype: torch.dtype) -> Iterator[TensorDistance]:
    """Every tensor that both have, in the pack's order; of one that was cut, the part there is."""
    for name, row in pack.rows.items():
        if name in mine and row["part"] != "given" and not (name in INTEGERS or is_ids(name)):
            own, theirs = mine[name], pack.tensor(name, pack.finest)
            if own.numel() == math.prod(row["shape"]):
                part = pack.part(name, own.reshape(row["shape"]))
                yield apart(name, hidden_as_ours(name, part, theirs), theirs, dtype)
