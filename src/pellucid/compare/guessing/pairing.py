"""Pairing: each unknown tensor with what it may be, by shape and numbers, and how sure that is."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.compare.guessing.targets import GuessTarget, TargetGroup
from pellucid.compare.judge import STATED

NEAR, NEARER = 0.5, 0.2
"""So far an unknown tensor may be from one of ours that it is taken for, where it is not exact; and
so far if it has fewer than `MANY` numbers: of few, two may be like each other by chance."""

LIKE = 0.1
"""So far it may be after a factor, where it is farther without one."""

MANY = 64

TIMES = 2.0
"""The next one must be so many times as far."""

ALIKE = 1e-6
"""So near to each other, two of ours hold the same numbers: that with fewer axes moved counts."""

FEW = 8
"""Of fewer numbers a tensor is known only where they are exact."""


class UnknownTensor(NamedTuple):
    """A tensor of theirs, or the part of one that is a layer's: its name in a rule."""

    name: str
    dtype: torch.dtype
    layer: int = -1  # of a part of a tensor that has all layers


class Candidate(NamedTuple):
    """What an unknown tensor may be."""

    target: GuessTarget
    way: str  # "" as it is, or ".T"
    distance: float
    likeness: float
    moved: int = 0  # 0 as they are, 1 where axes are read in another order, 2 where some are joined

    @property
    def key(self) -> tuple[tuple[str, ...], int]:
        """What of ours it is: the names, and the part."""
        return self.target.ours, self.target.part

    def exact(self, dtype: torch.dtype) -> bool:
        """Whether the numbers are the same, up to what is stated for the dtype."""
        return self.distance <= STATED.get(dtype, 0.0)


@dataclass(frozen=True)
class Guess:
    """An unknown tensor and what it is taken for."""

    theirs: str
    target: GuessTarget
    way: str
    distance: float
    next: float  # of the one that comes after it; ∞ where none has its size
    sure: str  # "exact", "near", "by its number" or "as layer 0"
    layer: int = -1


@dataclass(frozen=True)
class Unsure:
    """An unknown tensor that may be several of ours, or none of them by enough."""

    theirs: str
    candidates: tuple[Candidate, ...]  # the nearest first
    exact: bool  # whether they are the same numbers, all of them


def candidates(
    values: Tensor, groups: Iterable[TargetGroup], config: Any, ids: tuple[int, ...], layer: int
) -> list[Candidate]:
    """All that a tensor may be by its shape, the nearest first; of a layer alone, or -1."""
    found: list[Candidate] = []
    for group in groups:
        for way, read in group.readings(values, config, ids):
            axes, ours = _axes(values.mT if way else values), _axes(read)
            moved = 0 if axes == ours else 1 if len(axes) == len(ours) else 2
            for target, (apart, like) in zip(group.targets, group.distances(read), strict=True):
                if layer in (-1, target.layer):
                    found.append(Candidate(target, way, apart, like, moved))
    kept: list[Candidate] = []
    for one in sorted(found, key=lambda one: one.moved):
        alike = (
            abs(one.likeness - other.likeness) <= ALIKE for other in kept if other.moved < one.moved
        )
        if not any(alike) or math.isinf(one.likeness):
            kept.append(one)
    return sorted(kept, key=lambda one: (one.likeness, one.distance))


def _axes(values: Tensor) -> list[int]:
    return [size for size in values.shape if size > 1]


def paired(
    unknowns: Sequence[UnknownTensor], options: Mapping[str, list[Candidate]]
) -> tuple[list[Guess], list[Unsure]]:
    """Those that are sure, and those that are not; no two have the same of ours."""
    by_name = {one.name: one for one in unknowns}
    sure = _exact(by_name, options)
    taken = {(one.target.ours, one.target.part) for one in sure}
    open_ones = [name for name in by_name if all(one.theirs != name for one in sure)]
    sure += _near([by_name[name] for name in open_ones], options, taken)
    done = {one.theirs for one in sure}
    unsure = []
    for name in open_ones:
        if name in done or not options[name]:
            continue
        dtype = by_name[name].dtype
        alike = [one for one in options[name] if one.exact(dtype)]
        left = alike or [one for one in options[name] if one.key not in taken]
        if left:
            unsure.append(Unsure(name, tuple(left), bool(alike)))
    return sure, unsure


def _exact(
    by_name: Mapping[str, UnknownTensor], options: Mapping[str, list[Candidate]]
) -> list[Guess]:
    """Where the numbers are the same as those of one of ours alone, and no other's are too."""
    hits: dict[str, list[Candidate]] = {}
    claims: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for name, unknown in by_name.items():
        hits[name] = [one for one in options[name] if one.exact(unknown.dtype)]
        for key in {one.key for one in hits[name]}:
            claims[key].append(name)
    found = []
    for name, own in hits.items():
        ways = {(one.key, one.way) for one in own}
        if len(ways) != 1 or claims[own[0].key][0] != name:
            continue
        if not own[0].target.tells and len(claims[own[0].key]) > 1:
            continue
        others = [one.likeness for one in options[name] if one.key != own[0].key]
        found.append(
            Guess(
                name,
                own[0].target,
                own[0].way,
                own[0].distance,
                min(others, default=math.inf),
                "exact",
                by_name[name].layer,
            )
        )
    return found


def _near(
    unknowns: Sequence[UnknownTensor],
    options: Mapping[str, list[Candidate]],
    taken: set[tuple[Any, ...]],
) -> list[Guess]:
    """Where one of ours is far nearer than all others, and to no other of theirs as near."""
    options = {
        one.name: [option for option in options[one.name] if option.key not in taken]
        for one in unknowns
    }
    nearest: dict[tuple[Any, ...], list[tuple[float, str]]] = defaultdict(list)
    for name, own in options.items():
        for option in own:
            nearest[option.key].append((option.likeness, name))
    found = []
    for unknown in unknowns:
        if not options[unknown.name] or not options[unknown.name][0].target.tells:
            continue
        first, *others = options[unknown.name]
        if first.exact(unknown.dtype):
            continue  # and so are others, or it would be sure by now
        count = first.target.values.numel()
        most = NEAR if count >= MANY else NEARER if count >= FEW else 0.0
        second = others[0].likeness if others else math.inf
        rivals = [like for like, name in nearest[first.key] if name != unknown.name]
        if first.distance > most:
            most = min(most, LIKE)
        if first.likeness <= most and min(second, *rivals, math.inf) >= TIMES * first.likeness:
            theirs = unknown.name, first.target, first.way, first.distance
            found.append(Guess(*theirs, second, "near", unknown.layer))
    return found
