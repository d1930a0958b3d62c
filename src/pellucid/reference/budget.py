"""How many numbers of each tensor a pack may keep, so that it is no larger than asked for."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.models import trainable
from pellucid.reference.checksum import RUN
from pellucid.reference.decoding import LOGITS
from pellucid.reference.run import ReferenceRun
from pellucid.reference.selection import Selection
from pellucid.tape import Tape
from pellucid.train import MOMENTS
from pellucid.tree import flatten

ROW, HEAD, CHECKS, INDEX = 420, 120, 260, 12
"""Bytes of a row in the manifest, in a file's header, of checksums, and of a run's number."""

SPARE = 0.93
"""The part of the size that is planned with: names differ in length."""


def within(
    size: int, run: ReferenceRun, tape: Tape, dtypes: Iterable[torch.dtype], wanted: Selection
) -> Selection:
    """The selection that keeps as much of each tensor as there is room for.

    Raises `ConfigError` where a single run of each would be too much.
    """
    widths = [dtype.itemsize for dtype in dtypes]
    counts = [count for name, count in _counts(run, tape).items() if name in wanted]

    def taken(most: int) -> float:
        total = 0.0
        for count in counts:
            kept = count if count <= max(most, RUN) else max(RUN, most // RUN * RUN)
            total += ROW + kept * sum(widths) + HEAD * len(widths)
            total += 0 if kept == count else CHECKS + kept // RUN * INDEX
        return total

    room, low, high = SPARE * size, 1, max(counts, default=1) // RUN + 1
    if taken(RUN) > room:
        raise ConfigError(
            f"--size must have room for {RUN} numbers of each tensor, here "
            f"{taken(RUN) / SPARE / 1e6:.2g} MB, and it is {size / 1e6:.2g}: give more, or add "
            "--dtype float32 or --names"
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if taken(middle * RUN) <= room else (low, middle)
    return replace(wanted, most=low * RUN)


def _counts(run: ReferenceRun, tape: Tape) -> Mapping[str, int]:
    """How many numbers each tensor of a pack has that is stored."""
    values = {name: tape.value(name) for name in tape}
    counts = {name: value.numel() for name, value in values.items() if tape.name_of(value) == name}
    optimizer = run.update.get("optimizer", "adamw")
    kinds = ("new", *MOMENTS[optimizer])
    moving: Mapping[str, Tensor] = flatten(trainable(run.model.params))
    for prefix in {"", f"step.{run.steps}." if run.steps > 1 else ""}:
        for name, weight in moving.items():
            counts |= {f"{prefix}{name}.{kind}": weight.numel() for kind in kinds}
    if steps := run.decoding.steps:
        counts[LOGITS] = steps * run.model.config.vocab_size
        caches = 2 * run.model.config.n_layer
        positions = run.tokens.shape[-1] + steps
        for number in range(caches):
            counts[f"{LOGITS}.{number}"] = positions * run.model.config.n_embd
    return counts


def bytes_of(text: str) -> int:
    """The bytes of a size such as 20MB; `ConfigError` where it is none.

    >>> bytes_of("20MB"), bytes_of("1.5 GB"), bytes_of("4096")
    (20000000, 1500000000, 4096)
    """
    units = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "B": 1.0, "": 1.0}
    plain = text.strip().upper()
    unit = next(unit for unit in units if plain.endswith(unit))
    try:
        size = float(plain.removesuffix(unit)) * units[unit]
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise ConfigError(f"--size must be a size, such as 20MB, not {text!r}")
    return int(size)
