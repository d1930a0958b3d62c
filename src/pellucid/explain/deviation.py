"""How far a step by hand is from the exact run: by part, at the loss, and where it is worst."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pellucid.explain.by_hand import ByHand
from pellucid.tape import Tape
from pellucid.train.record import part_of

PARTS = ("given", "forward", "loss", "backward", "update")
"""The parts of a step, in order; what was given is off by its own rounding alone."""


class FarthestNumber(NamedTuple):
    """The number of a part, or of a tensor, that is farthest from the exact run."""

    part: str
    name: str  # with its index
    by_hand: float
    exact: float
    largest: float  # of the tensor in the exact run, in size

    @property
    def distance(self) -> float:
        """How far apart they are."""
        return abs(self.by_hand - self.exact)

    @property
    def relative(self) -> float:
        """The distance relative to the tensor's largest number."""
        return self.distance / self.largest if self.largest else 0.0


class Deviation(NamedTuple):
    """How far rounding at every step leads from the exact run."""

    parts: tuple[
        FarthestNumber, ...
    ]  # the farthest number of each part; what was given, if it differs
    worst: FarthestNumber | None  # of all that was worked out, the relatively farthest
    likeliest: int  # at so many places the most likely of the probabilities is the same
    places: int  # of so many; 0 where there are none


def deviation(hand: ByHand) -> Deviation:
    """Compare every number by hand with the exact one."""
    found = list(_tensors(hand))
    by_part = {part: [apart for apart in found if apart.part == part] for part in PARTS}
    likeliest, places = _likeliest(hand)
    worked_out = [apart for apart in found if apart.part != "given"]
    farthest = [max(some, key=lambda apart: apart.distance) for some in by_part.values() if some]
    return Deviation(
        tuple(apart for apart in farthest if apart.distance or apart.part != "given"),
        max(worked_out, key=lambda apart: apart.relative, default=None),
        likeliest,
        places,
    )


def _tensors(hand: ByHand) -> Iterator[FarthestNumber]:
    """The farthest number of each tensor, under its first name; an infinite one is exact."""
    for name in hand.exact:
        exact, rounded = hand.exact.value(name), hand.tape.value(name)
        if hand.exact.name_of(exact) != name or not exact.is_floating_point():
            continue
        finite = exact.double().where(exact.isfinite(), 0).flatten()
        apart = (rounded.where(exact.isfinite(), 0).flatten() - finite).abs()
        if not apart.numel():
            continue
        place = int(apart.argmax())
        index = np.unravel_index(place, exact.shape)
        where = f"[{','.join(str(int(axis)) for axis in index)}]" if exact.dim() else ""
        yield FarthestNumber(
            _part(hand.exact, name),
            name + where,
            float(rounded.flatten()[place]),
            float(exact.flatten()[place]),
            float(finite.abs().max()),
        )


def _part(tape: Tape, name: str) -> str:
    """The part of a value; a loss is one of its own."""
    part = part_of(tape, name)
    return "loss" if part == "forward" and name.rsplit(".", 1)[-1] == "loss" else part


def _likeliest(hand: ByHand) -> tuple[int, int]:
    """At how many places the most likely of the probabilities is the same, and of how many."""
    same = [
        _rows(hand.tape.value(name)) == _rows(hand.exact.value(name))
        for name in hand.exact
        if name.rsplit(".", 1)[-1] == "probs" and hand.exact.value(name).dim()
    ]
    places = torch.cat(same) if same else torch.empty(0)
    return int(places.sum()), places.numel()


def _rows(probs: Tensor) -> Tensor:
    return probs.argmax(-1).flatten()
