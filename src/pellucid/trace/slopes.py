"""Gradients beside slopes: nudge each parameter by 10⁻⁴⁰ at hundreds of bits, and see.

A ball run of a wrong backward agrees with the float run of it, so that agreement alone proves the
arithmetic and not the formula. The slope knows no backward: it is made of two losses.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import torch

from pellucid.errors import ProofError
from pellucid.models import GPT, Transformer
from pellucid.numbers import Ball, distance, precision
from pellucid.tree import flatten, map_leaves, unflatten

BITS = 512
"""Of the losses: two that differ by 10⁻⁴⁰ still differ in a hundred decimals."""

MOST_BITS = 2048
"""Where a comparison or a digit is still undecided with so many bits, it is left undecided."""

NUDGE = 2.0**-133
"""About 10⁻⁴⁰, and exact: the difference is off by its square times the third derivative."""

AGREE = 1e-14
"""How near slope and gradient must be, relative to the slope, or to 1 where it is less.

Without a GELU they agree to 10⁻⁶⁰ and better. GELU's backward has constants of its own, such as
3 · 0.044715, each the nearest float: as far as those are off, about 10⁻¹⁷, the code's gradient is
not the slope of the code's loss.
"""

T = TypeVar("T")


class Slope(NamedTuple):
    """One parameter's gradient along one direction, beside the slope of the loss."""

    name: str
    slope: float
    gradient: float
    apart: float

    @property
    def agrees(self) -> bool:
        """Whether they are as near as two ways to the same number are."""
        return self.apart <= AGREE * max(1.0, abs(self.slope))


def with_enough_bits(run: Callable[[int], T], bits: int) -> T:
    """What `run(bits)` returns, the bits doubled as long as a comparison is undecided."""
    while True:
        try:
            with precision(bits):
                return run(bits)
        except ProofError:
            if 2 * bits > MOST_BITS:
                raise
            bits *= 2


def slopes(model: GPT | Transformer, batch: Sequence[Any], *, seed: int = 0) -> tuple[Slope, ...]:
    """Each parameter's slope in a random direction, (loss(w + hd) - loss(w - hd)) / 2h.

    Evidence and not a proof: what the difference leaves out, h² times a third derivative, is
    about 10⁻⁸⁰ of an ordinary loss, but not bounded here.
    """
    return with_enough_bits(lambda _: tuple(_slopes(model, batch, seed)), BITS)


def _slopes(model: GPT | Transformer, batch: Sequence[Any], seed: int) -> list[Slope]:
    params = map_leaves(Ball.exact, model.params)
    _, grads = model.with_params(params).loss_and_grads(*batch)
    flat, gradients = flatten(params), flatten(grads)
    generator = torch.Generator().manual_seed(seed)
    found = []
    for name, weight in flat.items():
        direction = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        nudge = Ball.exact(direction) * NUDGE
        ahead, behind = (
            model.with_params(unflatten(flat | {name: moved})).loss(*batch)
            for moved in (weight + nudge, weight - nudge)
        )
        slope: Any = (ahead - behind) / (2 * NUDGE)
        gradient = (gradients[name] * direction).sum()
        apart = distance((slope - gradient).numbers[()], 0.0)
        found.append(Slope(name, float(slope.numbers[()]), float(gradient.numbers[()]), apart))
    return found
