"""The slopes of affine forms, in groups of eᵢ; and functions of a number with their derivatives."""

from collections.abc import Callable, Mapping
from itertools import count

import torch
from flint import arb
from torch import Tensor

from pellucid.numbers.real import root

Slopes = Mapping[int, Tensor]
"""For each group of n eᵢ how much of each is in the numbers of an array: (n, ...)."""

_NEW = count()


def new_group() -> int:
    """The number of a group of eᵢ that nothing hangs on yet."""
    return next(_NEW)


def ones(shape: torch.Size) -> Tensor:
    """For each number one eᵢ: (n, *shape)."""
    return torch.eye(shape.numel(), dtype=torch.float64).reshape(-1, *shape)


def sizes(slopes: Slopes, like: Tensor) -> Tensor:
    """Σ |gᵢ|."""
    return sum((own.abs().sum(0) for own in slopes.values()), torch.zeros_like(like))


def combined(
    one: Slopes, two: Slopes, first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor]
) -> dict[int, Tensor]:
    """The slopes of both, each as an operation has it; those of one group are added up."""
    slopes = {group: first(own) for group, own in one.items()}
    for group, own in two.items():
        part = second(own)
        slopes[group] = slopes[group] + part if group in slopes else part
    return slopes


def led(slopes: Slopes, dim: int) -> Slopes:
    """With axes of length 1 behind the first, up to `dim` others, as broadcasting needs."""
    return {
        group: own.reshape(len(own), *(1,) * (dim + 1 - own.dim()), *own.shape[1:])
        for group, own in slopes.items()
    }


BENT: Mapping[str, tuple[Callable[[arb], arb], Callable[[arb], arb]]] = {
    "exp": (arb.exp, arb.exp),
    "tanh": (arb.tanh, lambda x: 1 - x.tanh() ** 2),
    "sqrt": (root, lambda x: 1 / (2 * root(x))),
    "rsqrt": (arb.rsqrt, lambda x: -x.rsqrt() / (2 * x)),
    "erf": (arb.erf, lambda x: 2 / arb.pi().sqrt() * (-x * x).exp()),
}
"""Functions of one number, each with its derivative."""


def _ramp(x: arb) -> arb:
    return x if x >= 0 else arb(0)


def _step(x: arb) -> arb:
    """The slope of ReLU: of a ball on both sides of 0, all between 0 and 1."""
    return arb(1) if x >= 0 else arb(0) if x <= 0 else arb(0.5, 0.5)


RELU = (_ramp, _step)
