"""Cost against size: one size changes at a time, and the exponent is fitted."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pellucid.bench.costs import step_bytes, token_bytes, weight_bytes
from pellucid.bench.machine import Machine
from pellucid.bench.model import BenchSizes, MeasuredRow, decode_row, prefill_row, train_row
from pellucid.models import GPT, CausalModel, Llama, packed

_BASE: dict[str, Any] = {"vocab_size": 8192, "block_size": 1024, "n_layer": 4, "n_head": 4}
BASES: dict[str, tuple[type[CausalModel], Any]] = {
    "GPT": (GPT, GPT.sized(**_BASE, n_embd=256)),
    "Llama": (Llama, Llama.sized(**_BASE, n_embd=256, n_kv_head=2)),
}
"""By name: the architecture, and the configuration of which one size is changed."""
SIZES = BenchSizes(batch=4, length=128, new=16, rounds=3)
SWEPT: dict[str, tuple[int, ...]] = {
    "d": (128, 256, 512, 1024),
    "layers": (2, 4, 8, 16),
    "T": (64, 128, 256, 512),
    "batch": (1, 2, 4, 8, 16),
}
"""By name: the values that it takes while the others stay at the base."""


class SweepPoint(NamedTuple):
    """One size at one value: how long a work took there, and what it costs by formula."""

    model: str
    size: str
    value: int
    work: str
    seconds: float
    tokens: int  # in so many seconds
    flops: float
    bytes: float  # of weights, keys and values, and in training of the update

    def limit(self, machine: Machine) -> tuple[str, float]:
        """Which of "flops" and "bytes" takes this machine longer, and the part of the time it is.

        Where the part is small, it is neither of them that takes the time: work that is not
        counted, activations, calls. It may be above 1, where the weights stay in a cache.
        """
        bounds = {
            "flops": self.flops / machine.flops["float32"],
            "bytes": self.bytes / machine.bandwidth,
        }
        name = max(bounds, key=bounds.__getitem__)
        return name, bounds[name] / self.seconds


def sweep(
    swept: Mapping[str, Sequence[int]] = SWEPT,
    bases: Mapping[str, tuple[type[CausalModel], Any]] = BASES,
    sizes: BenchSizes = SIZES,
) -> Iterator[SweepPoint]:
    """Time a training step, a prompt and a decoded token, in float32, at every value of every size.

    `T` is the length of the training texts and of the prompt; `batch` counts the training texts.
    """
    for name, (kind, base) in bases.items():
        for size, values in swept.items():
            for value in values:
                config, changed = _changed(size, value, base, sizes)
                for row in _rows(kind.init(config), changed, reading=size != "batch"):
                    read = _bytes(config, row, changed)
                    costs = (row.seconds, row.tokens, row.flops, read)
                    yield SweepPoint(name, size, value, row.work, *costs)


def _rows(model: CausalModel, sizes: BenchSizes, *, reading: bool) -> Iterator[MeasuredRow]:
    """The works of a model; of more texts at once only the training."""
    nowhere = Machine(0, {}, math.inf)
    yield train_row(model, "float32", nowhere, sizes)
    if reading:
        ready = packed(model, "float32")
        yield prefill_row(ready, "float32", nowhere, sizes)
        yield decode_row(ready, "float32", nowhere, sizes)


def _bytes(config: Any, row: MeasuredRow, sizes: BenchSizes) -> float:
    """What a work reads and writes of what it cannot do without."""
    match row.work:
        case "train":
            return step_bytes(config)
        case "prefill":
            return weight_bytes(config, "float32")
        case _:
            return token_bytes(config, "float32", sizes.length + (sizes.new + 1) / 2)


def exponent(values: Sequence[float], seconds: Sequence[float]) -> float:
    """k of seconds = a · value^k, by least squares on the logarithms.

    >>> round(exponent([1, 2, 4], [3, 12, 48]), 6)
    2.0
    """
    x, y = [math.log(value) for value in values], [math.log(value) for value in seconds]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    rise = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return rise / sum((a - middle_x) ** 2 for a in x)


def _changed(size: str, value: int, base: Any, sizes: BenchSizes) -> tuple[Any, BenchSizes]:
    """The base with one size changed; heads stay as wide as they are."""
    match size:
        case "d":
            widths = ("n_embd", "n_head", "n_kv_head", "n_inner")
            old = {name: getattr(base, name, None) for name in widths}
            new = {
                name: max(1, value * width // base.n_embd) for name, width in old.items() if width
            }
            return replace(base, **new), sizes
        case "layers":
            return replace(base, n_layer=value), sizes
        case "T":
            return base, sizes._replace(length=value)
        case _:
            return base, sizes._replace(batch=value)
