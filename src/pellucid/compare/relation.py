"""Relation: what relates another program's tensor to the right one, where no mistake is known.

Each is tried on all numbers, and said only where all of them are within what is allowed.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.compare.judge import STATED
from pellucid.compare.run_sizes import Axis, Sizes
from pellucid.models import CausalModel
from pellucid.numbers import Rounded
from pellucid.tree import flatten

TELLING = 3
"""So many different numbers above rounding a tensor must have for a relation to mean anything."""

SEARCHED = 4096
"""The longest axis of which an order is looked for: its parts are compared each with each."""


def related(mine: Tensor, made: Rounded, sizes: Sizes, *, parameter: bool = False) -> str:
    """How the tensor comes of what it should be, in words; "" where nothing known relates them."""
    pair = TensorPair.of(mine, made)
    if not pair.tells(pair.true, pair.allowed):
        return ""
    axes = list(sizes.axes(mine.shape, parameter=parameter))
    tried = (
        *(_transposed(pair), _factor(pair, sizes), _shifted(pair, axes), _without_mean(pair)),
        *(_added(pair), _reordered(pair, axes)),
    )
    return next(filter(None, tried), "")


def partly(mine: Tensor, made: Rounded, sizes: Sizes, *, parameter: bool = False) -> str:
    """Which positions, heads or rows are wrong, where the others are right; "" where all are."""
    axes = list(sizes.axes(mine.shape, parameter=parameter))
    return _partly(TensorPair.of(mine, made), axes)


class TensorPair(NamedTuple):
    """The other program's numbers, those that they should be, and how far off they may be."""

    mine: Tensor
    true: Tensor
    allowed: Tensor
    unit: float

    @classmethod
    def of(cls, mine: Tensor, made: Rounded) -> "TensorPair":
        """In float64, with no more allowed than is stated for the dtype."""
        true, finite = made.middle, made.middle.isfinite()
        sizes = true.abs().masked_fill(~finite, 0)
        stated = STATED[made.dtype] * float(sizes.max()) if sizes.numel() else 0.0
        off = made.off.nan_to_num(nan=stated).clamp(max=stated)
        allowed = off + made.unit * sizes + torch.finfo(made.dtype).tiny
        return cls(mine.detach().cpu().double().reshape(true.shape), true, allowed, made.unit)

    def fits(self, other: Tensor, allowed: Tensor, mine: Tensor | None = None) -> bool:
        """Whether all numbers are those of the other, and it has enough of them."""
        own = self.mine if mine is None else mine
        right = _right(own, other, allowed + 2 * self.unit * other.abs().nan_to_num(posinf=0))
        return bool(right.all()) and self.tells(other, allowed)

    @staticmethod
    def tells(values: Tensor, allowed: Tensor) -> bool:
        """Whether some numbers, and not all the same, are larger than their rounding."""
        counted = values[values.isfinite() & (values.abs() > 4 * allowed)]
        return len(counted.unique()) >= TELLING


def _right(mine: Tensor, true: Tensor, allowed: Tensor) -> Tensor:
    return (mine == true) | ((mine - true).abs() <= allowed)


def _transposed(pair: TensorPair) -> str:
    true, allowed = pair.true, pair.allowed
    if true.dim() < 2 or true.shape[-1] != true.shape[-2]:
        return ""
    return "it is transposed: the numbers are right" if pair.fits(true.mT, allowed.mT) else ""


def _factor(pair: TensorPair, sizes: Sizes) -> str:
    counted = pair.true.isfinite() & pair.mine.isfinite() & (pair.true != 0)
    if not bool(counted.any()):
        return ""
    sure = (pair.true.abs() / pair.allowed).masked_fill(~counted, 0).argmax()
    times = float(pair.mine.reshape(-1)[sure] / pair.true.reshape(-1)[sure])
    slack = float((pair.allowed / pair.true.abs()).reshape(-1)[sure]) + 8 * pair.unit
    if times == 0 or not math.isfinite(times):
        return ""

    def holds(factor: float, more: float = 0.0) -> bool:
        allowed = pair.allowed * abs(factor) + more * (factor * pair.true).abs().nan_to_num()
        return pair.fits(factor * pair.true, allowed)

    near = {name: of for name, of in sizes.numbers.items() if abs(times / of - 1) <= 2 * slack}
    names = [name for name, of in near.items() if of != 1 and holds(of)]
    if names:
        said = f"every number is {near[names[0]]:.6g} times what it should be"
        return f"{said}: {' or '.join(names)}"
    for plain in (2.0, 0.5):
        if abs(times / plain - 1) <= 2 * slack and holds(plain):
            return f"every number is {plain:g} times what it should be"
    return f"every number is {times:.6g} times what it should be" if holds(times, slack) else ""


def _shifted(pair: TensorPair, axes: list[Axis]) -> str:
    for axis in axes:
        if axis.part == "head" or axis.shape[axis.place] < 3:
            continue
        mine, true, allowed = (one.reshape(axis.shape) for one in pair[:3])
        most = axis.shape[axis.place] - 1
        for by, where in ((1, "before"), (-1, "after")):
            to, of = (1, 0) if by == 1 else (0, 1)
            there, from_ = mine.narrow(axis.place, to, most), true.narrow(axis.place, of, most)
            if pair.fits(from_, allowed.narrow(axis.place, of, most), there):
                return f"{axis.part}s are shifted by one: each has the numbers of the one {where}"
    return ""


def _added(pair: TensorPair) -> str:
    apart = (pair.mine - pair.true)[pair.true.isfinite() & pair.mine.isfinite()]
    added = float(apart.median()) if len(apart) else 0.0
    more = 2 * float(pair.allowed.median()) + pair.unit * abs(added)
    if abs(added) <= 4 * more or not pair.fits(pair.true + added, pair.allowed + more):
        return ""
    return f"{added:.6g} is added to every number"


def _without_mean(pair: TensorPair) -> str:
    if not bool(pair.true.isfinite().all()):
        return ""
    for where, over in (("its", None), ("each row's", -1)):
        mean = pair.true.mean() if over is None else pair.true.mean(over, keepdim=True)
        off = pair.allowed.mean() if over is None else pair.allowed.mean(over, keepdim=True)
        more = off + 2 * pair.unit * (pair.true.abs() + mean.abs())
        if pair.fits(pair.true - mean, pair.allowed + more):
            return f"{where} mean is subtracted"
    return ""


def _reordered(pair: TensorPair, axes: list[Axis]) -> str:
    for axis in axes:
        count = axis.shape[axis.place]
        if not 2 <= count <= SEARCHED:
            continue
        mine, true, allowed = (one.reshape(axis.shape) for one in pair[:3])
        own, other = (
            one.movedim(axis.place, 0).reshape(count, -1).nan_to_num(posinf=0, neginf=0)
            for one in (mine, true)
        )
        order = torch.cdist(own, other).argmin(1)
        if bool((order == torch.arange(count)).all()):
            continue
        moved = [one.index_select(axis.place, order) for one in (true, allowed)]
        if not pair.fits(moved[0], moved[1], mine):
            continue
        if len(order.unique()) < count:
            return _repeated(axis.part, order.tolist(), other)
        return f"{axis.part}s are in another order: {_order(axis.part, order.tolist())}"
    return ""


def _repeated(part: str, order: list[int], true: Tensor) -> str:
    """Which parts hold another's numbers; those that are to hold the same as it are none."""
    moved = [
        (place, of) for place, of in enumerate(order) if not torch.equal(true[place], true[of])
    ]
    if len(moved) >= len(order) - 1 and len({of for _, of in moved}) == 1:
        return f"every {part} holds {part} {moved[0][1]}'s numbers"
    some = ", ".join(f"{part} {place} holds {part} {of}'s numbers" for place, of in moved[:4])
    return f"{some}{' …' if len(moved) > 4 else ''}"


def _order(part: str, order: list[int]) -> str:
    if order == list(range(len(order)))[::-1]:
        return "the last comes first"
    moved = [(place, of) for place, of in enumerate(order) if place != of]
    some = ", ".join(f"{of} at {place}" for place, of in moved[:4])
    return f"{part} {some}{' …' if len(moved) > 4 else ''}"


def _partly(pair: TensorPair, axes: list[Axis]) -> str:
    for axis in axes:
        count = axis.shape[axis.place]
        right = _right(*pair[:3]).reshape(axis.shape).movedim(axis.place, 0).reshape(count, -1)
        wrong = (~right.all(1)).nonzero().reshape(-1).tolist()
        first, last = wrong[0], wrong[-1]
        if len(wrong) == count or last - first + 1 != len(wrong) or axis.part == "column":
            continue
        if last == count - 1 and first > 1:
            many = "on wrong" if first < last else "wrong"
            return f"{axis.part}s 0 to {first - 1} are right, {_from(first, last)} {many}"
        here = f"{axis.part} {first}" if first == last else f"{axis.part}s {first} to {last}"
        return f"only {here} of {count} {'is' if first == last else 'are'} wrong"
    return ""


def _from(first: int, last: int) -> str:
    return f"from {first}" if first < last else f"{first} is"


def is_parameter(name: str, model: CausalModel) -> bool:
    """Whether this is a parameter, its gradient, or what an update makes of it."""
    return any(
        name in (own, f"d{own}") or name.startswith(f"{own}.") for own in flatten(model.params)
    )
