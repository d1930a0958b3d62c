"""Cost against size: one size changes at a time, and the exponent is fitted."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from pellucid.bench.machine import Machine
from pellucid.bench.model import BenchSizes, decode_row, prefill_row, train_row
from pellucid.models import GPT, GPTConfig, packed

BASE = GPTConfig(vocab_size=8192, block_size=1024, n_layer=4, n_head=4, n_embd=256)
SIZES = BenchSizes(batch=4, length=128, new=16, rounds=3)
SWEPT: dict[str, tuple[int, ...]] = {
    "d": (128, 256, 512, 1024),
    "layers": (2, 4, 8, 16),
    "T": (64, 128, 256, 512),
    "batch": (1, 2, 4, 8, 16),
}
"""By name: the values that it takes while the others stay at the base."""
NOWHERE = Machine(0, {}, math.inf)


class SweepPoint(NamedTuple):
    """One size at one value, and how long a work took there."""

    size: str
    value: int
    work: str
    seconds: float


def sweep(
    swept: dict[str, tuple[int, ...]] = SWEPT, base: GPTConfig = BASE, sizes: BenchSizes = SIZES
) -> Iterator[SweepPoint]:
    """Time a training step, a prompt and a decoded token, in float32, at every value of every size.

    `T` is the length of the training texts and of the prompt; `batch` counts the training texts.
    """
    for size, values in swept.items():
        for value in values:
            config, changed = _changed(size, value, base, sizes)
            model = GPT.init(config)
            rows = [train_row(model, "float32", NOWHERE, changed)]
            if size != "batch":
                ready = packed(model, "float32")
                rows.append(prefill_row(ready, "float32", NOWHERE, changed))
                rows.append(decode_row(ready, "float32", NOWHERE, changed))
            for row in rows:
                yield SweepPoint(size, value, row.work, row.seconds)


def exponent(values: Sequence[float], seconds: Sequence[float]) -> float:
    """k of seconds = a · value^k, by least squares on the logarithms.

    >>> round(exponent([1, 2, 4], [3, 12, 48]), 6)
    2.0
    """
    x, y = [math.log(value) for value in values], [math.log(value) for value in seconds]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    rise = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return rise / sum((a - middle_x) ** 2 for a in x)


def _changed(
    size: str, value: int, base: GPTConfig, sizes: BenchSizes
) -> tuple[GPTConfig, BenchSizes]:
    """The base with one size changed; heads stay as wide as they are."""
    match size:
        case "d":
            heads = max(1, value * base.n_head // base.n_embd)
            return replace(base, n_embd=value, n_head=heads), sizes
        case "layers":
            return replace(base, n_layer=value), sizes
        case "T":
            return base, sizes._replace(length=value)
        case _:
            return base, sizes._replace(batch=value)
