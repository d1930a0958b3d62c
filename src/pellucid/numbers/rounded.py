"""Rounded: floats, each with a bound of how far off rounding may have brought it.

A layer that is called with these computes its formulas in float64, and beside each number how far
a run in some dtype may be from what the formula is worth. It is a model of the machine, as good as
the promise behind `spread.ERRORS`, and not a proof, which balls are for; it is as fast as a run.
Source: Higham 2002, "Accuracy and stability of numerical algorithms", 2.2 and 3.1.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pellucid.numbers.elementwise import Elementwise
from pellucid.numbers.spread import ERRORS, RULES, SUMS, UNIT, UNROUNDED, sum_rounded

PIECE = 1 << 15
"""So many numbers are computed with at once where arrays are larger and alike."""

_MOVES = {"reshape", "flatten", "transpose", "unsqueeze", "squeeze", "gather"}
"""Methods that only rearrange, which middles and bounds do alike."""


class Rounded(Elementwise):
    """An array of floats with bounds, which answers like a tensor.

    `middle` is what float64 makes of the formula, and `off` how far a run in `dtype` may be from
    it: both tensors in float64, `off` broadcast to the shape. Exact numbers stay in their own dtype
    until they are computed with: a model's parameters take no further room.

    >>> third = Rounded.exact(torch.tensor([1.0])) / 3
    >>> float(third.middle), f"{float(third.off):.1e}"
    (0.3333333333333333, '1.6e-07')
    """

    device = torch.device("cpu")

    def __init__(self, middle: Tensor, off: Tensor, dtype: torch.dtype) -> None:
        self._own, self.off, self.dtype = middle, off, dtype
        self.unit = UNIT + torch.finfo(dtype).eps / 2
        self.sum_unit = min(self.unit, UNIT + SUMS.eps / 2)

    @classmethod
    def exact(cls, values: Tensor, dtype: torch.dtype | None = None) -> "Rounded":
        """The very numbers of a tensor, in a run of that dtype, by default its own."""
        own = values.detach().cpu()
        zero = torch.zeros((), dtype=torch.float64)
        return cls(own, zero.expand(own.shape), dtype or values.dtype)

    @property
    def middle(self) -> Tensor:
        """The numbers in float64."""
        return self._own.double()

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> "Rounded":
        """Answer torch.cat(...) and the like, and a tensor whose operand is rounded."""
        return _FUNCTIONS[function.__name__](*args, **(kwargs or {}))

    def become(self, values: Tensor) -> None:
        """Be the very numbers of a tensor from now on, wherever this array is held."""
        if self.is_exact and self._own.dtype == values.dtype and torch.equal(self._own, values):
            return  # and the tensor need not be held beside its like
        own = Rounded.exact(values)
        self._own, self.off, self.is_exact = own._own, own.off, True

    def __repr__(self) -> str:
        return f"<Rounded of shape {tuple(self.shape)}, off by at most {float(self.off.max()):.0e}>"

    def __getattr__(self, name: str) -> Any:
        """A method such as exp or reshape: element by element, or to another place."""
        if name not in _MOVES:
            return super().__getattr__(name)
        return lambda *args: self._moved(lambda array: getattr(array, name)(*args))

    @property
    def shape(self) -> torch.Size:
        """The lengths of all axes."""
        return self._own.shape

    @cached_property
    def is_exact(self) -> bool:
        """Whether no number is off; so it stays until it becomes another."""
        spread = self.off if any(self.off.stride()) else self.off.reshape(-1)[:1]
        return not bool(spread.any())

    @property
    def mT(self) -> "Rounded":  # noqa: N802 (a tensor's name for it)
        """See torch.Tensor.mT."""
        return self.transpose(-2, -1)  # type: ignore[no-any-return]  # by __getattr__

    def dim(self) -> int:
        """How many axes there are."""
        return self._own.dim()

    def numel(self) -> int:
        """How many numbers there are."""
        return self._own.numel()

    def __getitem__(self, index: Any) -> "Rounded":
        return self._moved(lambda array: array[index])

    def chunk(self, count: int, dim: int) -> tuple["Rounded", ...]:
        """See torch.Tensor.chunk."""
        parts = zip(self._own.chunk(count, dim), self.off.chunk(count, dim), strict=True)
        return tuple(Rounded(*part, self.dtype) for part in parts)

    def to(self, dtype: torch.dtype) -> "Rounded":
        """See torch.Tensor.to; a finer dtype gives back no digits, and the bound stays."""
        if torch.finfo(dtype).eps <= torch.finfo(self.dtype).eps:
            return self
        coarse = Rounded(self.middle, self.off, dtype)
        rounded = coarse.unit * (self.middle.abs() + self.off).masked_fill(self.middle.isinf(), 0)
        return coarse._made(self.middle, self.off + rounded)

    # -- element by element -----------------------------------------------------------------------

    def _each(self, name: str, *others: Any) -> "Rounded":
        operands = [self, *map(self._of, others)]
        rows = PIECE * self.shape[0] // self.numel() if self.numel() > PIECE else 0
        if not rows or any(one.dim() and one.shape != self.shape for one in operands):
            return self._computed(name, operands)
        middle, off = (torch.empty(self.shape, dtype=torch.float64) for _ in range(2))
        for start in range(0, self.shape[0], rows):
            here = slice(start, start + rows)
            made = self._computed(name, [one[here] if one.dim() else one for one in operands])
            middle[here], off[here] = made.middle, made.off
        return Rounded(middle, off, self.dtype)

    def _computed(self, name: str, operands: Sequence["Rounded"]) -> "Rounded":
        """The operation on arrays that a processor's cache has room for, or that are not alike."""
        compute, spread = RULES[name]
        pairs = [(operand.middle, operand.off) for operand in operands]
        middle = compute(*(own for own, _ in pairs))
        off = spread(middle, *pairs)
        share = 0 if name in UNROUNDED else ERRORS * self.unit
        rounded = middle.abs().add_(off).mul_(share)
        if math.isfinite(float(rounded.sum())):
            return Rounded(middle, off + rounded, self.dtype)
        return self._made(middle, off + rounded.masked_fill(middle.isinf(), 0))

    def _swapped(self, name: str, other: Any) -> "Rounded":
        return self._of(other)._each(name, self)

    def clamp(self, min: float | None = None, max: float | None = None) -> "Rounded":  # noqa: A002
        """See torch.Tensor.clamp."""
        return self._made(self.middle.clamp(min, max), self.off)

    def masked_fill(self, mask: Tensor, value: float) -> "Rounded":
        """See torch.Tensor.masked_fill."""
        return self.where(mask.logical_not(), value)

    def where(self, condition: Tensor, other: Any) -> "Rounded":
        """See torch.Tensor.where."""
        return self._moved(lambda one, two: one.where(condition, two), self._of(other))

    # -- several at once --------------------------------------------------------------------------

    def sum(self, dim: int | None = None, *, keepdim: bool = False) -> "Rounded":
        """The sum along an axis, or of all, whatever the order of its terms.

        One along the first axis, over positions, may be kept in the dtype itself: PyTorch sums the
        gradients of a layer norm's gain and shift so.
        """
        axes = tuple(range(self.dim())) if dim is None else (dim,)
        count = self.numel() if dim is None else self.shape[dim]
        middle, off, sizes = (
            array.sum(axes, keepdim=keepdim)
            for array in (self.middle, self.off, self.middle.abs() + self.off)
        )
        kept = self.unit if dim == 0 else self.sum_unit
        return self._made(middle, off + sum_rounded(count, sizes, middle, (kept, self.unit)))

    def mean(self, dim: int | None = None, *, keepdim: bool = False) -> "Rounded":
        """The mean along an axis, or of all."""
        count = self.numel() if dim is None else self.shape[dim]
        return self.sum(dim, keepdim=keepdim)._each("div", count)

    def amax(self, dim: int, *, keepdim: bool = False) -> "Rounded":
        """The largest, as an exact number: a softmax is worth the same whatever it subtracts."""
        return Rounded.exact(self.middle.amax(dim, keepdim=keepdim), self.dtype)

    def __matmul__(self, other: Any) -> "Rounded":
        right = self._of(other)
        own, others = self.middle, right.middle
        middle, count = own @ others, own.shape[-1]
        sizes, right_sizes = own.abs().add_(self.off), others.abs().add_(right.off)
        del own, others
        off = sum_rounded(count, sizes @ right_sizes, middle, (self.sum_unit, self.unit))
        if bool(self.off.any()):
            off = off + self.off @ right_sizes
        if bool(right.off.any()):
            off = off + sizes @ right.off
        return self._made(middle, off)

    def scatter_add(self, dim: int, index: Tensor, source: "Rounded") -> "Rounded":
        """See torch.Tensor.scatter_add."""
        return self._added(source, lambda array, added: array.scatter_add_(dim, index, added))

    def index_add(self, dim: int, index: Tensor, source: "Rounded") -> "Rounded":
        """See torch.Tensor.index_add."""
        return self._added(source, lambda array, added: array.index_add_(dim, index, added))

    def _added(self, source: "Rounded", add: Callable[[Tensor, Tensor], Tensor]) -> "Rounded":
        """Add to copies of middles and bounds, in place."""
        sizes = add(self.middle.abs() + self.off, source.middle.abs() + source.off)
        off = sizes.mul_((source.shape[0] + ERRORS) * self.unit).add_(self.off)
        middle = torch.empty(self.shape, dtype=torch.float64).copy_(self._own)
        return self._made(add(middle, source.middle), add(off, source.off))

    # -- parts ------------------------------------------------------------------------------------

    def _of(self, value: Any) -> "Rounded":
        """A number or a tensor as exact ones of the same run."""
        if isinstance(value, Rounded):
            return value
        return Rounded.exact(torch.as_tensor(value, dtype=torch.float64), self.dtype)

    def _made(self, middle: Tensor, off: Tensor) -> "Rounded":
        """What a run makes; what has no bound is off by ∞."""
        known = off.expand(middle.shape)
        if not math.isfinite(float(off.sum())):
            known = known.nan_to_num(nan=torch.inf, posinf=torch.inf)
        return Rounded(middle, known, self.dtype)

    def _moved(self, move: Callable[..., Tensor], *others: "Rounded") -> "Rounded":
        """The same rearrangement of middles and of bounds."""
        arrays = [self, *others]
        middle = move(*(array.middle if others else array._own for array in arrays))
        return Rounded(middle, move(*(array.off for array in arrays)), self.dtype)


# -- what PyTorch's functions are for rounded numbers ----------------------------------------------


def _joined(join: Callable[..., Tensor]) -> Callable[..., Rounded]:
    def joined(parts: Sequence[Any], dim: int = 0) -> Rounded:
        first, *others = map(_own(*parts)._of, parts)
        return first._moved(lambda *tensors: join(tensors, dim), *others)

    return joined


def _own(*values: Any) -> Rounded:
    return next(value for value in values if isinstance(value, Rounded))


def _filled(array: Rounded, value: float) -> Rounded:
    return array._of(torch.full(array.shape, value, dtype=torch.float64))


def _of_first(method: Callable[..., Rounded]) -> Callable[..., Rounded]:
    """The method of a first operand that may be a tensor."""
    return lambda first, *rest: method(_own(first, *rest)._of(first), *rest)


_FUNCTIONS: Mapping[str, Callable[..., Rounded]] = {
    "add": _of_first(operator.add),
    "sub": _of_first(operator.sub),
    "mul": _of_first(operator.mul),
    "div": _of_first(operator.truediv),
    "matmul": _of_first(operator.matmul),
    "index_add": lambda first, dim, index, source: source._of(first).index_add(dim, index, source),
    "scatter_add": lambda first, dim, index, source: source._of(first).scatter_add(
        dim, index, source
    ),
    "gather": lambda array, dim, index: array.gather(dim, index),
    "where": lambda condition, one, other: _own(one, other)._of(one).where(condition, other),
    "cat": _joined(torch.cat),
    "stack": _joined(torch.stack),
    "zeros_like": lambda array: _filled(array, 0.0),
    "ones_like": lambda array: _filled(array, 1.0),
    "full_like": _filled,
}
