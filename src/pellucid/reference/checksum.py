"""Large tensors in few numbers: runs of them, drawn evenly, and checksums of the whole.

The numbers of a tensor, row by row, are cut into runs of 32. Of as many stretches of runs as are to
be kept, each gives one. The checksums are of all numbers that are finite, in float64: their sum,
the sum of their squares, the largest of their sizes, and four projections

    p[k] = Σᵢⱼ s[k](i) t[k](j) x[i, j]        k = 0 … 3; i counts rows, j places along the last axis

on signs that a hash of i or j gives: with bit k of `mixed(i)` set, s[k](i) is -1, else 1, and t[k]
so by bit k + 4 of `mixed(j)`. Whatever the difference of two tensors is, theirs is about its
Euclidean length.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

RUN = 32
"""Numbers in a run."""

PROJECTIONS = 4

PIECE = 1 << 22
"""So many numbers are summed up at once."""


def mixed(index: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's 64 bits for each of these numbers; all in uint64, which wraps around.

    >>> [hex(bits) for bits in mixed(np.arange(2, dtype=np.uint64)).tolist()]
    ['0xe220a8397b1dcdaf', '0x6e789e6aa1b965f4']

    Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
    """
    z = (index + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def signs(start: int, count: int, shift: int) -> Tensor:
    """The signs (count, 4) of so many indices from `start` on, by the bits from `shift` on."""
    bits = mixed(np.arange(start, start + count, dtype=np.uint64))
    places = np.arange(shift, shift + PROJECTIONS, dtype=np.uint64)
    negative = (bits[:, None] >> places) & np.uint64(1)
    return torch.from_numpy(1.0 - 2.0 * negative.astype(np.float64))


def runs_of(count: int, most: int) -> list[int]:
    """Which runs are kept of so many numbers, at most `most` of them, and one run at least.

    Tensors of one size keep the same ones, so that a weight can be set beside what moved it.
    """
    whole = count // RUN
    kept = max(1, min(whole, most // RUN))
    drawn = mixed(np.arange(kept, dtype=np.uint64)) >> np.uint64(11)
    inside = drawn.astype(np.float64) / 2.0**53
    return [int((place + inside[place]) * whole / kept) for place in range(kept)]


def part_of_runs(values: Tensor, runs: Sequence[int]) -> Tensor:
    """The numbers (len(runs), 32) of these runs."""
    flat = values.reshape(-1)
    return flat[: len(flat) // RUN * RUN].view(-1, RUN)[torch.tensor(runs)]


def checksums(values: Tensor) -> dict[str, Any]:
    """What the manifest has of a whole tensor."""
    width = values.shape[-1] if values.dim() else 1
    rows = values.reshape(-1, width)
    across, projected = signs(0, width, PROJECTIONS), torch.zeros(PROJECTIONS, dtype=torch.float64)
    finite, total, squares, largest = 0, 0.0, 0.0, 0.0
    step = max(1, PIECE // width)
    for start in range(0, len(rows), step):
        piece = rows[start : start + step].double()
        known = piece.isfinite()
        if not bool(known.all()):
            piece = piece.where(known, 0.0)
        finite += int(known.sum())
        total += float(piece.sum())
        squares += float(piece.square().sum())
        largest = max(largest, float(piece.abs().max()))
        projected += ((piece @ across) * signs(start, len(piece), 0)).sum(0)
    return {
        "finite": finite,
        "sum": total,
        "squares": squares,
        "largest": largest,
        "projections": projected.tolist(),
    }


TIMES = 6
"""So many times its likely size a projection's difference may have."""


def projections_apart(mine: Tensor, checks: dict[str, Any], allowed: float) -> bool:
    """Whether a tensor has other checksums than it may, if each number is off by what is allowed.

    Signs know nothing of the differences, which add up as in a random walk.
    """
    own = checksums(mine)
    likely = TIMES * allowed * math.sqrt(max(1, mine.numel()))
    pairs = zip(own["projections"], checks["projections"], strict=True)
    return own["finite"] != checks["finite"] or any(abs(a - b) > likely for a, b in pairs)
