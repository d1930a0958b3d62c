"""The sizes of a run: what the axes of its tensors are, and what a factor between two may be."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.models import CausalModel

COUNTED = ("its sign is changed", "T", "the number of texts", "the number of all positions")
"""Factors by which a loss may be wrong."""


class Axis(NamedTuple):
    """A way to cut a tensor into parts: a shape that it is read in, and an axis of that."""

    part: str  # one of them: position, head, row or column
    shape: tuple[int, ...]
    place: int


@dataclass(frozen=True)
class Sizes:
    """What an axis, or a factor, may be of a run; `numbers` by the words for them."""

    positions: int
    head: int
    numbers: Mapping[str, float]

    @classmethod
    def of(cls, model: CausalModel, tokens: Tensor) -> "Sizes":
        """Those of a model that reads these tokens."""
        config = model.config
        width, heads, positions = config.n_embd, config.n_head, tokens.shape[-1]
        head = getattr(config, "head", width // heads)
        texts = tokens.numel() // positions
        own = {
            "n_head": heads,
            "n_layer": config.n_layer,
            "T": positions,
            "the number of texts": texts,
            "the number of all positions": texts * positions,
            "d": head,
            "C": width,
        }
        numbers: dict[str, float] = {"its sign is changed": -1.0}
        for name, size in own.items():
            numbers |= {name: float(size), f"1/{name}": 1 / size}
        for name, size in (("d", head), ("C", width)):
            numbers |= {f"√{name}": math.sqrt(size), f"1/√{name}": 1 / math.sqrt(size)}
        numbers |= {f"2^{power}": 2.0**power for power in range(8, 25)}
        numbers |= {f"1/2^{power}": 2.0**-power for power in range(8, 25)}
        return cls(positions, head, numbers)

    def axes(self, shape: torch.Size, *, parameter: bool) -> Iterator[Axis]:
        """How a tensor may be cut, the largest parts first."""
        own, last = tuple(shape), len(shape) - 1
        if not parameter and last >= 1 and own[-2] == self.positions:
            if last >= 2:
                yield Axis("head", own, last - 2)
            yield Axis("position", own, last - 1)
        for place in range(last, -1, -1):
            if own[place] % self.head == 0 and own[place] > self.head:
                heads = (*own[:place], own[place] // self.head, self.head, *own[place + 1 :])
                yield Axis("head", heads, place)
        if last >= 0:
            yield Axis("column" if last else "entry", own, last)
        if parameter and last >= 1:
            yield Axis("row", own, last - 1)

    def counted(self, times: float) -> str:
        """What the factor of a loss or a gradient may be, by what is counted; "" where nothing."""
        names = [name for name, of in self.numbers.items() if abs(times / of - 1) < 1e-6]
        return " or ".join(name for name in names if name.removeprefix("1/") in COUNTED)
