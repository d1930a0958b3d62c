"""What an unknown tensor may be: one of a pack's, a part of one, or several side by side."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.compare.axes import settled
from pellucid.compare.mine import INTEGERS
from pellucid.compare.translate import layer_of
from pellucid.models import VOCABULARIES
from pellucid.models.vocabularies.rule import heads_joined
from pellucid.reference import Pack

POINTS = 4096
"""At so many places of a tensor its numbers are compared."""

TELLING = 3
"""So many different numbers a tensor must have, to be known by them."""

JOINED = {"attn.c_attn.weight": 3, "attn.c_attn.bias": 3}
"""What other programs have in so many parts, which are joined along the last axis."""

CUT = (
    *(tuple(f"attn.{c}_proj.{end}" for c in "qkv") for end in ("weight", "bias", "out")),
    *(tuple(f"mlp.{c}_proj.{end}" for c in ("gate", "up")) for end in ("weight", "bias", "out")),
    *(tuple(f"mlp.{c}_proj.{end}" for c in ("up", "gate")) for end in ("weight", "bias", "out")),
)
"""What other programs have side by side in one tensor, which is cut."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class GuessTarget:
    """Ours at some places: one tensor, a part of one, or several side by side."""

    ours: tuple[str, ...]
    shape: Shape
    places: Tensor  # (n, axes)
    values: Tensor  # (n,), in float64
    part: int = 0
    parts: int = 1

    @property
    def layer(self) -> int:
        """The layer; -1 of what is in none."""
        return layer_of(self.ours[0])

    @property
    def text(self) -> str:
        """What it is, in words."""
        named = ", ".join(self.ours)
        return f"{named}, part {self.part + 1} of {self.parts}" if self.parts > 1 else named

    @cached_property
    def tells(self) -> bool:
        """Whether its numbers are many enough to know it by."""
        return len(self.values.unique()) >= TELLING


class TargetGroup:
    """The targets of one kind and shape, those of all layers: a tensor is read once for all."""

    def __init__(self, targets: Sequence[GuessTarget]) -> None:
        self.targets = tuple(targets)
        self.first = self.targets[0]
        self._values = torch.stack([one.values for one in self.targets])  # (m, n)
        self._finite = self._values.isfinite()
        self._values = self._values.masked_fill(~self._finite, 0)
        self._norms = self._values.norm(dim=1)

    def readings(self, theirs: Tensor, config: Any, ids: Shape) -> Iterator[tuple[str, Tensor]]:
        """The ways in which a tensor may have this shape: as in a rule, as it is or .T."""
        first, shape = self.first, self.first.shape
        turned = [(".T", theirs.mT)] if theirs.dim() == 2 else []
        for way, own in (("", theirs), *turned):
            if first.parts > 1:
                read = heads_joined(own, shape[0] if len(shape) == 2 else 0)
            else:
                read = own if len(first.ours) > 1 else settled(first.ours[0], own, config, ids)
            while read.dim() > len(shape) and read.shape[0] == 1:
                read = read[0]
            if tuple(read.shape) == shape:
                yield way, read

    def distances(self, read: Tensor) -> list[tuple[float, float]]:
        """How far a tensor in this shape is from each: ‖a-b‖/‖b‖, and the same for any factor.

        ∞ where it has a NaN or an infinity and should have none.
        """
        places = self.first.places
        own = (read[tuple(places.T)] if places.shape[1] else read.reshape(1)).double()
        odd = (~own.isfinite() & self._finite).any(1) | ~self._finite.any(1)
        mine = own.nan_to_num(posinf=0, neginf=0) * self._finite
        lengths, apart = mine.norm(dim=1), (mine - self._values).norm(dim=1)
        dots = (mine * self._values).sum(1)
        none = (self._norms == 0) | (lengths == 0)
        sizes = (self._norms * lengths).masked_fill(none, 1)
        unlike = (1 - (dots / sizes).square()).clamp(min=0).sqrt()
        far = (apart / self._norms.masked_fill(none, 1)).masked_fill(none & (apart > 0), math.inf)
        far = far.masked_fill(odd, math.inf)
        unlike = unlike.masked_fill(none | odd | (dots <= 0), math.inf)
        return list(zip(far.tolist(), torch.minimum(far, unlike).tolist(), strict=True))


def grouped(targets: Iterable[GuessTarget]) -> dict[int, list[TargetGroup]]:
    """The targets of each kind together, by how many numbers one has."""
    kinds: dict[Any, list[GuessTarget]] = {}
    for one in targets:
        kind = tuple(map(_kind, one.ours)), one.part, one.shape, len(one.values)
        kinds.setdefault((*kind, one.ours[0].startswith("d")), []).append(one)
    found: dict[int, list[TargetGroup]] = {}
    for own in kinds.values():
        found.setdefault(math.prod(own[0].shape), []).append(TargetGroup(own))
    return found


def targets_of(
    pack: Pack,
    part: str,
    known: set[str],
    sizes: set[int],
    made: Mapping[str, Tensor] | None = None,
) -> list[GuessTarget]:
    """The tensors of a part of a pack that are not known yet, and of a size that is asked for.

    `made` has what the step makes of the numbers that are known, in the stead of the pack's.
    """
    found: list[GuessTarget] = []
    whole: dict[str, Tensor] = {}
    known_by = _names(pack)
    for origin, row in pack.rows.items():
        if row["part"] != part or "same_as" in row:
            continue
        name = known_by[origin]
        if known & {name, origin}:
            continue
        if name in INTEGERS - {"tokens", "targets"} or name.endswith(".noise"):
            continue
        shape = tuple(row["shape"])
        parts = _parts(name)
        if not sizes & {math.prod(shape), math.prod(shape) // parts} and not _in_a_cut(name):
            continue
        values = pack.tensor(name, pack.finest) if made is None else made.get(origin)
        if values is None or (made is not None and tuple(values.shape) != shape):
            continue
        found.append(_target((name,), shape, values))
        if tuple(values.shape) == shape and _in_a_cut(name):
            whole[name] = values
        if tuple(values.shape) == shape and parts > 1:
            thirds = values.chunk(parts, -1)
            for place, third in enumerate(thirds):
                found.append(_target((name,), tuple(third.shape), third, place, parts))
    return [*found, *_cuts(whole)]


def _names(pack: Pack) -> dict[str, str]:
    """The name of each tensor, by its first: of several one that other programs have too."""
    rows = VOCABULARIES.get(pack.blank.architecture, {}).values()
    others = {row.ours for own in rows for row in own}
    found: dict[str, str] = {}
    for name, row in pack.rows.items():
        origin = str(row.get("same_as", name))
        first = found.setdefault(origin, name)
        if _kind(first) not in others and _kind(name) in others:
            found[origin] = name
    return found


def _kind(name: str) -> str:
    """The name with {i} for a layer's number, without the d of a gradient."""
    layer = layer_of(name)
    return name.removeprefix("d").replace(f"h.{layer}.", "h.{i}.", 1) if layer >= 0 else name


def _cuts(whole: Mapping[str, Tensor]) -> Iterator[GuessTarget]:
    for name in whole:
        before = f"{'d' * name.startswith('d')}h.{layer_of(name)}."
        for cut in CUT:
            names = tuple(before + one for one in cut)
            if names[0] == name and all(one in whole for one in names):
                joined = torch.cat([whole[one] for one in names], -1)
                yield _target(names, tuple(joined.shape), joined)


def _parts(name: str) -> int:
    kind = name.removeprefix("d").split(".", 2)[-1]
    return JOINED.get(kind, 1)


def _in_a_cut(name: str) -> bool:
    kind = name.removeprefix("d").split(".", 2)[-1]
    return any(kind in cut for cut in CUT)


def _target(
    ours: tuple[str, ...], shape: Shape, values: Tensor, part: int = 0, parts: int = 1
) -> GuessTarget:
    """Some of the values; a tensor of which a part was kept is known by that part."""
    count = values.numel()
    flat = torch.arange(count)
    if count > POINTS:
        draw = torch.Generator().manual_seed(0)
        flat = torch.randint(count, (POINTS,), generator=draw)
    places = torch.empty(1, 0)
    if shape:
        places = torch.from_numpy(np.stack(np.unravel_index(flat.numpy(), shape), -1))
    return GuessTarget(ours, shape, places.long(), values.reshape(-1)[flat].double(), part, parts)
