"""Affine forms: floats that remember, to first order, what they are made of, and a rigorous rest.

A number is c + Σ gᵢ eᵢ ± r for all eᵢ in [-1, 1] at once: of what hangs on the same eᵢ a difference
cancels, where balls would add up. What is not linear in the eᵢ, and what rounding may have done,
goes to r. So a box goes through a model, and what comes out holds what every point of it makes.
Source: de Figueiredo and Stolfi 2004, "Affine arithmetic: concepts and applications".
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from flint import arb
from torch import Tensor

from pellucid.errors import ProofError
from pellucid.numbers.elementwise import Elementwise
from pellucid.numbers.real import is_finite
from pellucid.numbers.slopes import BENT, RELU, Slopes, combined, led, new_group, ones, sizes

UNIT = 2.0**-51
"""Four times what rounding can do to a float64 of size 1: the bounds' own rounding is in it too."""

TINY = 2.0**-1000
"""More than all that underflows in an operation."""

_MOVES = {"reshape", "flatten", "transpose", "unsqueeze", "squeeze", "gather"}


class Affine(Elementwise):
    """An array of affine forms, which answers like a tensor.

    Shapes: `centre` (c) and `rest` (r) have that of the array; `slopes` has the gᵢ in groups of
    eᵢ, (n, ...) each. A group has a number of its own: by the same number arrays mean the same eᵢ.

    >>> box = Affine.exact(torch.tensor([1.0, 2.0])).widened(0.5, new_group())
    >>> round(float(box.reach[0]), 12), float((box - box).reach[0]) < 1e-12
    (0.5, True)
    """

    device = torch.device("cpu")

    def __init__(self, centre: Tensor, slopes: Slopes, rest: Tensor, dtype: torch.dtype) -> None:
        self.centre, self.slopes, self.rest, self.dtype = centre, slopes, rest, dtype

    @classmethod
    def exact(cls, values: Tensor) -> "Affine":
        """The very numbers of a tensor."""
        own = values.detach().cpu().double()
        return cls(own, {}, torch.zeros_like(own), values.dtype)

    def widened(self, radius: float, group: int) -> "Affine":
        """All that is within the radius of these numbers, each by itself: by the eᵢ of a group."""
        slopes = {**self.slopes, group: radius * ones(self.shape)}
        return Affine(self.centre, slopes, self.rest, self.dtype)

    def renewed(self, most: int) -> "Affine":
        """The same with a new eᵢ for the rest of each number, and no more than `most` groups.

        What hangs on the oldest of them, but for the first of all, is added to the rest.
        """
        kept = dict(self.slopes)
        old = sorted(kept)[1 : len(kept) - most + 2]
        lost = [kept.pop(group).abs().sum(0) * (1 + self.numel() * UNIT) for group in old]
        rest = (self.rest + sum(lost)) * (1 + 4 * len(lost) * UNIT)
        kept[new_group()] = rest * ones(self.shape)
        return Affine(self.centre, kept, torch.zeros_like(rest), self.dtype)

    @property
    def reach(self) -> Tensor:
        """How far a number may be from its centre."""
        many = sum(map(len, self.slopes.values())) + len(self.slopes) + 2
        return (sizes(self.slopes, self.rest) + self.rest) * (1 + many * UNIT)

    @property
    def balls(self) -> Iterator[arb]:
        """The numbers as balls, in C order."""
        pairs = zip(self.centre.flatten().tolist(), self.reach.flatten().tolist(), strict=True)
        return (arb(c, r) for c, r in pairs)

    @property
    def shape(self) -> torch.Size:
        """The lengths of all axes."""
        return self.centre.shape

    @property
    def mT(self) -> "Affine":  # noqa: N802 (a tensor's name for it)
        """The transpose of each matrix."""
        return self.transpose(-1, -2)  # type: ignore[no-any-return]

    def dim(self) -> int:
        """How many axes there are."""
        return self.centre.dim()

    def numel(self) -> int:
        """How many numbers there are."""
        return self.centre.numel()

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> "Affine":
        if (name := function.__name__) not in _FUNCTIONS:
            raise _unknown(name)
        return _FUNCTIONS[name](*args, **(kwargs or {}))

    def __getattr__(self, name: str) -> Any:
        if name not in _MOVES:
            return super().__getattr__(name)
        return lambda *args: self._moved(lambda array: getattr(array, name)(*args))

    def __getitem__(self, index: Any) -> "Affine":
        return self._moved(lambda array: array[index])

    def chunk(self, count: int, dim: int) -> tuple["Affine", ...]:
        """Cut into equal parts along an axis."""
        return tuple(
            self._moved(lambda array, i=i: array.chunk(count, dim)[i]) for i in range(count)
        )

    # -- element by element -----------------------------------------------------------------------

    def _each(self, name: str, *others: Any) -> "Affine":
        if name in BENT:
            return self._bent(*BENT[name])
        method: Any = getattr(self, f"_{name}", None)
        if method is None:
            raise _unknown(name)
        return method(*map(self._of, others))  # type: ignore[no-any-return]

    def _swapped(self, name: str, other: Any) -> "Affine":
        return self._of(other)._each(name, self)

    def _neg(self) -> "Affine":
        slopes = {group: -own for group, own in self.slopes.items()}
        return Affine(-self.centre, slopes, self.rest, self.dtype)

    def _add(self, other: "Affine") -> "Affine":
        centre = self.centre + other.centre
        slopes = combined(*self._both(other), lambda one: one, lambda two: two)
        return self._made(centre, slopes, self.rest + other.rest)

    def _sub(self, other: "Affine") -> "Affine":
        return self._add(other._neg())

    def _mul(self, other: "Affine") -> "Affine":
        a, b, reach, reaches = self.centre, other.centre, self.reach, other.reach
        rest = a.abs() * other.rest + b.abs() * self.rest + reach * reaches
        rest = rest + 2 * UNIT * (a.abs() + reach) * (b.abs() + reaches)
        slopes = combined(*self._both(other), lambda one: one * b, lambda two: two * a)
        return self._made(a * b, slopes, rest)

    def _div(self, other: "Affine") -> "Affine":
        return self._mul(other._bent(lambda x: 1 / x, lambda x: -1 / (x * x)))

    def _square(self) -> "Affine":
        """(c + d)² = c² + 2 c d + d², and d² lies between 0 and the square of the reach."""
        a, reach = self.centre, self.reach
        half = reach.square() / 2
        rest = 2 * a.abs() * self.rest + half + 4 * UNIT * (a.abs() + reach).square()
        slopes = {group: 2 * a * own for group, own in self.slopes.items()}
        return self._made(a.square() + half, slopes, rest)

    def _bent(self, function: Callable[[arb], arb], slope: Callable[[arb], arb]) -> "Affine":
        """f(c + d) = f(c) + s d + (f'(ξ) - s) d: any s will do, and f' in its middle is best."""
        numbers: list[list[float]] = []
        for c, x in zip(self.centre.flatten().tolist(), self.balls, strict=True):
            if c == -torch.inf and function is arb.exp:
                numbers.append([0.0] * 4)
                continue
            value, bend = arb(function(arb(c))), arb(slope(x))
            if not (is_finite(value) and is_finite(bend)):
                raise ProofError("a number must have a bound, and one has none")
            own, middle = float(value), float(bend)
            off, turn = (value - own).abs_upper(), (bend - middle).abs_upper()
            numbers.append([own, middle, float(off), float(turn)])
        table = torch.tensor(numbers, dtype=torch.float64).reshape(*self.shape, 4)
        values, middles, offs, turns = table.unbind(-1)
        rest = middles.abs() * self.rest + (offs + turns * self.reach) * (1 + 8 * UNIT)
        return self._made(values, {g: middles * own for g, own in self.slopes.items()}, rest)

    def clamp(self, min: float | None = None, max: float | None = None) -> "Affine":  # noqa: A002
        """Not below 0, as ReLU has it."""
        if min != 0 or max is not None:
            raise ProofError(f"affine forms must be clamped at 0 from below, not to {min}, {max}")
        return self._bent(*RELU)

    def masked_fill(self, mask: Tensor, value: float) -> "Affine":
        """`value` where the mask is True."""
        return self.where(mask.logical_not(), value)

    def where(self, condition: Tensor, other: Any) -> "Affine":
        """Itself where the condition is True, else `other`."""
        return self._moved(lambda one, two: one.where(condition, two), self._of(other))

    # -- several at once

    def sum(self, dim: int | None = None, *, keepdim: bool = False) -> "Affine":
        """The sum along an axis, or of all."""
        every = range(-self.dim(), 0) if dim is None else [dim % self.dim() - self.dim()]
        terms = self.numel() if dim is None else self.shape[dim]

        def add(array: Tensor) -> Tensor:
            return array.sum(tuple(every), keepdim=keepdim)

        rest = add(self.rest) + terms * UNIT * add(self.centre.abs() + self.reach)
        return self._made(add(self.centre), {g: add(x) for g, x in self.slopes.items()}, rest)

    def mean(self, dim: int | None = None, *, keepdim: bool = False) -> "Affine":
        """The mean along an axis, or of all."""
        terms = self.numel() if dim is None else self.shape[dim]
        return self.sum(dim, keepdim=keepdim)._div(self._of(terms))

    def amax(self, dim: int, *, keepdim: bool = False) -> "Affine":
        """The largest centre, as an exact number: a softmax is the same whatever it subtracts."""
        return Affine.exact(self.centre.amax(dim, keepdim=keepdim))

    def __matmul__(self, other: Any) -> "Affine":
        right = self._of(other)
        a, b = self.centre, right.centre
        reach, reaches = self.reach, right.reach
        large, larger = a.abs() + reach, b.abs() + reaches
        rest = self.rest @ b.abs() + a.abs() @ right.rest + reach @ reaches
        rest = rest + (a.shape[-1] + 4) * UNIT * (large @ larger)
        made = a @ b
        slopes = combined(*self._both(right), lambda one: one @ b, lambda two: a @ two)
        return self._made(made, slopes, rest)

    def _of(self, value: Any) -> "Affine":
        if isinstance(value, Affine):
            return value
        return Affine.exact(torch.as_tensor(value, dtype=torch.float64))

    def _both(self, other: "Affine") -> tuple[Slopes, Slopes]:
        """The slopes of two arrays, to be broadcast against each other."""
        dim = max(self.dim(), other.dim())
        return led(self.slopes, dim), led(other.slopes, dim)

    def _made(self, centre: Tensor, slopes: Slopes, rest: Tensor) -> "Affine":
        """With what rounding may have done to the last operation on each."""
        large = (centre.abs() + sizes(slopes, centre)).masked_fill(centre == -torch.inf, 0)
        rest = (rest + 2 * UNIT * large + TINY) * (1 + 8 * UNIT)
        if not bool(rest.isfinite().all()):
            raise ProofError("a number must have a bound, and one has none")
        wide = {group: own.expand(len(own), *centre.shape) for group, own in slopes.items()}
        return Affine(centre, wide, rest.expand(centre.shape), self.dtype)

    def _moved(self, move: Callable[..., Tensor], *others: "Affine") -> "Affine":
        """The same rearrangement of all parts."""
        arrays = [self, *others]
        groups = dict.fromkeys(group for array in arrays for group in array.slopes)
        slopes = {}
        for group in groups:
            n = max(len(x.slopes[group]) for x in arrays if group in x.slopes)
            parts = [x.slopes.get(group, x.centre.new_zeros(n, *x.shape)) for x in arrays]
            slopes[group] = torch.vmap(move)(*parts)
        centre = move(*(array.centre for array in arrays))
        rest = move(*(array.rest for array in arrays))
        return Affine(centre, slopes, rest, self.dtype)


def _unknown(name: str) -> ProofError:
    return ProofError(f"affine forms have no operation {name}: give it to them in {__name__}")


def _joined(join: Callable[..., Tensor]) -> Callable[..., Affine]:
    def joined(parts: Sequence[Any], dim: int = 0) -> Affine:
        own = next(x for x in parts if isinstance(x, Affine))
        first, *others = map(own._of, parts)
        return first._moved(lambda *tensors: join(tensors, dim), *others)

    return joined


def _of_first(method: Callable[..., Affine]) -> Callable[..., Affine]:
    def made(first: Any, *rest: Any) -> Affine:
        own = next(x for x in (first, *rest) if isinstance(x, Affine))
        return method(own._of(first), *rest)

    return made


_FUNCTIONS: dict[str, Callable[..., Affine]] = {
    "add": _of_first(operator.add),
    "sub": _of_first(operator.sub),
    "mul": _of_first(operator.mul),
    "div": _of_first(operator.truediv),
    "matmul": _of_first(operator.matmul),
    "where": lambda condition, one, other: (
        one.where(condition, other) if isinstance(one, Affine) else other.where(~condition, one)
    ),
    "cat": _joined(torch.cat),
    "stack": _joined(torch.stack),
}
