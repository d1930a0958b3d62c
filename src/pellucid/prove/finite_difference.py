"""Gradients beside finite differences: steps of 10⁻⁴⁰, computed with hundreds of bits.

A ball run of a wrong backward agrees with the float run of it, so that agreement alone proves the
arithmetic and not the formula. The slope knows no backward: it is made of two losses.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import torch

from pellucid.errors import ProofError
from pellucid.numbers import Ball, distance, precision
from pellucid.tree import flatten, map_leaves, unflatten

BITS = 512
"""Of the losses: two that differ by 10⁻⁴⁰ still differ in a hundred decimals."""

MOST_BITS = 4096
"""Where a comparison or a digit is still undecided with so many bits, it is left undecided."""

STEP = 2.0**-133
"""About 10⁻⁴⁰, and exact: the difference is off by its square times the third derivative."""

AGREE = 1e-14
"""How near slope and gradient must be, relative to the slope, or to 1 where it is less.

Without the GELU of erf they agree to 10⁻⁶⁰ and better. That one's backward has constants of its
own, √2 and √(2π), each the nearest float: as far as those are off, about 10⁻¹⁷, the code's gradient
is not the slope of the code's loss.
"""

ONE_BY_ONE = 20_000
"""Of a model of more numbers than this, all parameters are nudged at once."""

T = TypeVar("T")


class Slope(NamedTuple):
    """The gradient of some parameters along one direction, beside the slope of the loss."""

    names: tuple[str, ...]
    slope: float
    gradient: float
    apart: float

    @property
    def agrees(self) -> bool:
        """Whether they are as close as two computations of the same number."""
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


def finite_differences(model: Any, batch: Sequence[Any], *, seed: int = 0) -> tuple[Slope, ...]:
    """The loss's slope in a random direction, (loss(w + hd) - loss(w - hd)) / 2h, by parameter.

    Of a large model in one direction of all parameters: a mistake in any gradient shows in it, and
    where one does, halves of them are asked in turn until it has a name.

    Evidence and not a proof: what the difference leaves out, h² times a third derivative, is
    about 10⁻⁸⁰ of an ordinary loss, but not bounded here.
    """
    return with_enough_bits(lambda _: tuple(_Moved(model, batch, seed).slopes()), BITS)


class _Moved:
    """A model's parameters, gradients and random directions at many bits."""

    def __init__(self, model: Any, batch: Sequence[Any], seed: int) -> None:
        self.model, self.batch = model, batch
        params = map_leaves(Ball.exact, model.params)
        _, grads = model.with_params(params).loss_and_grads(*batch)
        self.params, self.gradients = flatten(params), flatten(grads)
        generator = torch.Generator().manual_seed(seed)
        self.directions = {
            name: torch.randn(weight.shape, generator=generator, dtype=torch.float64)
            for name, weight in self.params.items()
        }

    def slopes(self) -> Iterator[Slope]:
        """Of each parameter, or of all at once."""
        names = tuple(self.params)
        one_by_one = sum(weight.numel() for weight in self.params.values()) <= ONE_BY_ONE
        for group in [(name,) for name in names] if one_by_one else [names]:
            yield from self._slopes(group)

    def _slopes(self, names: tuple[str, ...]) -> Iterator[Slope]:
        """The slope of these together; where it is wrong, of each half of them."""
        slope = self._slope(names)
        if slope.agrees or len(names) == 1:
            yield slope
            return
        half = len(names) // 2
        yield from self._slopes(names[:half])
        yield from self._slopes(names[half:])

    def _slope(self, names: tuple[str, ...]) -> Slope:
        ahead, behind = (self._loss(names, step) for step in (STEP, -STEP))
        slope: Any = (ahead - behind) / (2 * STEP)
        parts = [(self.gradients[name] * self.directions[name]).sum() for name in names]
        gradient: Any = sum(parts[1:], start=parts[0])
        apart = distance((slope - gradient).numbers[()], 0.0)
        return Slope(names, float(slope.numbers[()]), float(gradient.numbers[()]), apart)

    def _loss(self, names: tuple[str, ...], step: float) -> Any:
        """The loss with these parameters moved along their directions."""
        moved = {
            name: self.params[name] + Ball.exact(self.directions[name]) * step for name in names
        }
        return self.model.with_params(unflatten(self.params | moved)).loss(*self.batch)
