"""Balls: arrays of real numbers, each known to within a rigorous radius, that answer like tensors.

A layer that is called with balls computes what its formulas are worth, whatever the rounding: the
true real number is inside the ball. What is true is the code's own formula: a float that comes in,
and a float that is written in the code (0.044715, a learning rate, √(2/π) as `math` gives it), is
that very float and no other number.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from flint import arb
from torch import Tensor

from pellucid.errors import ProofError
from pellucid.numbers.arrays import (
    Reals,
    changeable,
    each,
    largest,
    like,
    pack,
    reals,
    together,
    total,
)
from pellucid.numbers.elementwise import Elementwise
from pellucid.numbers.products import products
from pellucid.numbers.real import above, root, sign, square


class Ball(Elementwise):
    """An array of balls, with the methods of a tensor that layers, losses and optimizers use.

    `dtype` is that of the floats it stands for; `kept` is the array as `numbers.arrays` keeps it,
    and `numbers` the same as `arb` objects.

    >>> third = Ball.exact(torch.tensor([1.0])) / 3
    >>> third
    <Ball of shape (1,), radius at most 6e-17>
    """

    device = torch.device("cpu")

    def __init__(self, kept: Any, dtype: torch.dtype = torch.float64) -> None:
        self.kept: Reals = kept if isinstance(kept, np.ndarray) else np.asarray(kept, dtype=object)
        self.dtype = dtype

    @classmethod
    def exact(cls, values: Tensor) -> "Ball":
        """The very numbers of a tensor, of radius 0."""
        floats = values.detach().cpu()
        if floats.dtype not in {torch.float32, torch.float64}:
            floats = floats.double()
        return cls(floats.numpy(), values.dtype)

    def widened(self, radius: float) -> "Ball":
        """All that is within the radius of these numbers, each by itself: a box, in sup norm."""
        wide = arb(0, radius)
        return self._with(each(lambda x: x + wide, self.kept))

    @property
    def numbers(self) -> Reals:
        """The numbers as an array of `arb`."""
        return reals(self.kept)

    @property
    def packed(self) -> Reals:
        """The numbers as three floats each, `high + low ± radius`, whose ball encloses this one."""
        return pack(self.kept)

    def become(self, values: Tensor) -> None:
        """Be the very numbers of a tensor from now on, wherever this array is held."""
        self.kept = Ball.exact(values).kept

    def at(self, places: Any) -> list[arb]:
        """The numbers at these places of a row."""
        return reals(self.kept[places]).tolist()  # type: ignore[no-any-return]

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> "Ball":
        """Answer torch.cat(...) and the like, and a tensor whose operand is a ball."""
        method = _FUNCTIONS.get(name := function.__name__)
        if method is None:
            raise ProofError(
                f"a function of balls must be one that a layer uses, and torch.{name} is none: "
                "write it in numbers/ball.py"
            )
        return method(*args, **(kwargs or {}))

    def __repr__(self) -> str:
        widest = self.packed["radius"].max(initial=0.0)
        return f"<Ball of shape {tuple(self.shape)}, radius at most {widest:.0e}>"

    # -- shapes -----------------------------------------------------------------------------------

    @property
    def shape(self) -> torch.Size:
        """The lengths of all axes."""
        return torch.Size(self.kept.shape)

    @property
    def mT(self) -> "Ball":  # noqa: N802 (a tensor's name for it)
        """The transpose of each matrix."""
        return self.transpose(-1, -2)

    def dim(self) -> int:
        """How many axes there are."""
        return self.kept.ndim

    def numel(self) -> int:
        """How many numbers there are."""
        return self.kept.size

    def __getitem__(self, index: Any) -> "Ball":
        parts = index if isinstance(index, tuple) else (index,)
        plain = (part.numpy() if isinstance(part, Tensor) else part for part in parts)
        return self._with(self.kept[tuple(plain)])

    def reshape(self, *shape: int) -> "Ball":
        """The same numbers in another shape."""
        return self._with(self.kept.reshape(shape))

    def flatten(self, start: int = 0, end: int = -1) -> "Ball":
        """The axes from `start` to `end` as one."""
        first, last = start % self.dim(), end % self.dim()
        shape = self.kept.shape
        return self.reshape(*shape[:first], -1, *shape[last + 1 :])

    def transpose(self, one: int, other: int) -> "Ball":
        """Two axes exchanged."""
        return self._with(np.swapaxes(self.kept, one, other))

    def unsqueeze(self, dim: int) -> "Ball":
        """One more axis, of length 1."""
        return self._with(np.expand_dims(self.kept, dim))

    def squeeze(self, dim: int) -> "Ball":
        """Without an axis of length 1."""
        return self._with(np.squeeze(self.kept, dim))

    def chunk(self, count: int, dim: int) -> tuple["Ball", ...]:
        """Cut into equal parts along an axis."""
        return tuple(map(self._with, np.split(self.kept, count, dim)))

    # -- element by element -----------------------------------------------------------------------

    def _each(self, name: str, *others: Any) -> "Ball":
        return self._with(each(REAL[name], self.kept, *map(_kept, others)))

    def _swapped(self, name: str, other: Any) -> "Ball":
        return self._with(each(REAL[name], _kept(other), self.kept))

    def clamp(self, min: float | None = None, max: float | None = None) -> "Ball":  # noqa: A002
        """Not below `min`, not above `max`; of a ball on both sides, an enclosure."""
        raised = self.kept if min is None else each(arb.max, self.kept, _kept(min))
        return self._with(raised if max is None else each(arb.min, raised, _kept(max)))

    def masked_fill(self, mask: Tensor, value: float) -> "Ball":
        """`value` where the mask is True."""
        return self.where(mask.logical_not(), value)

    def where(self, condition: Tensor, other: Any) -> "Ball":
        """Itself where the condition is True, else `other`."""
        mine, others = together([self.kept, _kept(other)])
        return self._with(np.where(condition.numpy(), mine, others))

    # -- several at once --------------------------------------------------------------------------

    def sum(self, dim: int | None = None, *, keepdim: bool = False) -> "Ball":
        """The sum along an axis, or of all."""
        return self._with(total(self.kept, dim, keepdims=keepdim))

    def mean(self, dim: int | None = None, *, keepdim: bool = False) -> "Ball":
        """The mean along an axis, or of all."""
        count = self.numel() if dim is None else self.shape[dim]
        return self.sum(dim, keepdim=keepdim)._each("div", count)

    def amax(self, dim: int, *, keepdim: bool = False) -> "Ball":
        """The largest midpoint along an axis: one exact number near the maximum, not an enclosure.

        It is what a softmax subtracts, whose value is the same whatever is subtracted: an exact
        number keeps the radius as it is, where an enclosure of the maximum would double it.
        """
        return self._with(largest(self.kept, dim, keepdims=keepdim))

    def __matmul__(self, other: Any) -> "Ball":
        return self._with(products(self.kept, _kept(other)))

    def gather(self, dim: int, index: Tensor) -> "Ball":
        """The numbers at the places along an axis that the index gives."""
        return self._with(np.take_along_axis(self.kept, index.numpy(), dim))

    def scatter_add(self, dim: int, index: Tensor, source: "Ball") -> "Ball":
        """A copy, with each number of the source added at the place that the index gives."""
        out = changeable(self.kept)
        for place in np.ndindex(*index.shape):
            there = list(place)
            there[dim] = int(index[place])
            number = each(operator.add, out[(*there, ...)], source.kept[(*place, ...)])
            out[tuple(there)] = like(out, number)[()]
        return self._with(out)

    def index_add(self, dim: int, index: Tensor, source: "Ball") -> "Ball":
        """A copy, with each slice of the source added to the slice that the index gives."""
        out = changeable(self.kept)
        slices, added = np.moveaxis(out, dim, 0), np.moveaxis(source.kept, dim, 0)
        for place, row in zip(index.tolist(), added, strict=True):
            slices[place] = like(out, each(operator.add, slices[place], row))
        return self._with(out)

    def _with(self, numbers: Any) -> "Ball":
        """A ball of other numbers that stands for floats of the same dtype."""
        return Ball(numbers, self.dtype)


def _kept(value: Any) -> Reals:
    """What a ball keeps, or exact floats."""
    return _ball(value).kept


def _ball(value: Any) -> Ball:
    """A ball as it is; a tensor or a number as the very floats they are."""
    if isinstance(value, Ball):
        return value
    if isinstance(value, Tensor):
        return Ball.exact(value)
    return Ball(arb(value))


REAL: dict[str, Callable[..., arb]] = {
    "neg": operator.neg,
    "abs": abs,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "square": square,
    "sqrt": root,
    "rsqrt": arb.rsqrt,
    "exp": arb.exp,
    "log": arb.log,
    "tanh": arb.tanh,
    "erf": arb.erf,
    "cos": arb.cos,
    "sin": arb.sin,
    "sign": sign,
    "above": above,
}
"""What each operation is for a single real number."""


# -- what PyTorch's functions are for balls --------------------------------------------------------


def _cat(tensors: Sequence[Any], dim: int = 0) -> Ball:
    balls = [_ball(part) for part in tensors]
    return balls[0]._with(np.concatenate(together([ball.kept for ball in balls]), dim))


def _stack(tensors: Sequence[Any], dim: int = 0) -> Ball:
    return _cat([_ball(part).unsqueeze(dim) for part in tensors], dim)


def _full_like(ball: Ball, value: float) -> Ball:
    return ball._with(np.full(tuple(ball.shape), float(value)))


_FUNCTIONS: dict[str, Callable[..., Ball]] = {
    "add": lambda left, right: _ball(left) + right,
    "sub": lambda left, right: _ball(left) - right,
    "mul": lambda left, right: _ball(left) * right,
    "div": lambda left, right: _ball(left) / right,
    "matmul": lambda left, right: _ball(left) @ right,
    "where": lambda condition, ball, other: _ball(ball).where(condition, other),
    "gather": lambda ball, dim, index: _ball(ball).gather(dim, index),
    "scatter_add": lambda ball, dim, index, source: _ball(ball).scatter_add(dim, index, source),
    "index_add": lambda ball, dim, index, source: _ball(ball).index_add(dim, index, source),
    "cat": _cat,
    "stack": _stack,
    "full_like": _full_like,
    "zeros_like": lambda ball: _full_like(ball, 0.0),
    "ones_like": lambda ball: _full_like(ball, 1.0),
}
