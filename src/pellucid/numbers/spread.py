"""Spread: how far off the result of an operation is, by how far off its operands are."""

import operator
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

UNIT = torch.finfo(torch.float64).eps / 2
"""The round-off of float64, in which the bounds themselves are found: it is allowed for too."""

ERRORS = 8
"""How many units of round-off an elementary function of PyTorch's may be off: it promises 4."""

SUMS = torch.finfo(torch.float32)
"""Sums of coarser numbers are kept in this dtype and rounded at the end, in matrix products too."""

MOST = 1e-4
"""No sum that is kept in that dtype is off by more than this part of what its terms' sizes add up
to: the worst case of n terms, n units, is far from any that is met where n is a vocabulary."""

Pair = tuple[Tensor, Tensor]
"""A middle, and how far off it is."""


def _quotient(middle: Tensor, top: Pair, below: Pair) -> Tensor:
    least = (below[0].abs() - below[1]).clamp(min=0)
    return (top[1] + middle.abs() * below[1]) / least


def _power(middle: Tensor, x: Pair, y: Pair) -> Tensor:
    """Of a positive number to an exact power; to the power of ∞ a number below 1 is 0."""
    grown = (y[0] * (x[1] / x[0]).log1p()).expm1()
    return (middle * grown).nan_to_num(nan=0.0)


def _root(middle: Tensor, x: Pair) -> Tensor:
    least = (x[0] - x[1]).clamp(min=0)
    near = x[1] / (middle + least.sqrt())
    return near.where(least > 0, (x[0].clamp(min=0) + x[1]).sqrt())


def _shrunk(x: Pair) -> Tensor:
    """-log of how much smaller, as a factor, a positive number may be than its middle."""
    share = (x[1] / x[0]).where(x[0] > x[1], 1.0)
    return -(-share).log1p()


def _tanh(_: Tensor, x: Pair) -> Tensor:
    flattest = (x[0].abs() - x[1]).clamp(min=0).tanh()
    return x[1] * (1 - flattest.square() + 4 * UNIT)


def _undecided(x: Pair) -> Tensor:
    return ((x[0].abs() <= x[1]) & (x[1] > 0)).double()


RULES: Mapping[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "neg": (operator.neg, lambda _, x: x[1]),
    "abs": (torch.abs, lambda _, x: x[1]),
    "add": (operator.add, lambda _, x, y: x[1] + y[1]),
    "sub": (operator.sub, lambda _, x, y: x[1] + y[1]),
    "mul": (
        operator.mul,
        lambda _, x, y: x[0].abs() * y[1] + x[1] * y[0].abs() + x[1] * y[1],
    ),
    "div": (operator.truediv, _quotient),
    "pow": (torch.pow, _power),
    "square": (torch.square, lambda _, x: (2 * x[0].abs() + x[1]) * x[1]),
    "sqrt": (lambda x: x.clamp(min=0).sqrt(), _root),
    "rsqrt": (torch.rsqrt, lambda middle, x: middle.abs() * (0.5 * _shrunk(x)).expm1()),
    "exp": (torch.exp, lambda middle, x: middle * x[1].expm1()),
    "log": (torch.log, lambda _, x: _shrunk(x)),
    "tanh": (torch.tanh, _tanh),
    "erf": (torch.erf, lambda _, x: 1.13 * x[1]),  # its slope is at most 2/√π
    "cos": (torch.cos, lambda _, x: x[1]),
    "sin": (torch.sin, lambda _, x: x[1]),
    # Where the sign is not sure, a run may go either way.
    "sign": (torch.sign, lambda _, x: 2 * _undecided(x)),
    "above": (
        lambda x, y: (x > y).double(),
        lambda _, x, y: _undecided((x[0] - y[0], x[1] + y[1])),
    ),
}
"""By operation: what float64 computes, and how far off that is where its operands are off."""

UNROUNDED = {"neg", "abs", "sign", "above"}
"""Operations that no float rounds."""


def sum_rounded(count: int, sizes: Tensor, middle: Tensor, units: tuple[float, float]) -> Tensor:
    """What rounding does to a sum of so many terms, whose sizes, which it takes, add up so.

    Of the two units of round-off it is kept with the first, and rounded to the second at the end.
    """
    kept, last = units
    share = (count + ERRORS) * kept
    if kept == UNIT + SUMS.eps / 2:
        share = min(share, MOST)
    off = sizes.mul_(share)
    return off if kept == last else off.add_(middle.abs().mul_(ERRORS * last))
