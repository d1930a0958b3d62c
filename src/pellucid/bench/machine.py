"""What this machine can do: its quickest matrix products, and how fast it reads memory."""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch

SIDE = 2048
"""Rows and columns of the matrices that are multiplied."""
BUFFER = 1 << 28
"""Bytes that are read: more than any cache holds."""


class Machine(NamedTuple):
    """Measured peaks."""

    threads: int
    flops: dict[str, float]  # operations a second, by number format
    bandwidth: float  # bytes read a second


def measure_machine(*, rounds: int = 5, side: int = SIDE, buffer: int = BUFFER) -> Machine:
    """Multiply square matrices by PyTorch in every format, and read a large buffer.

    The quickest of the rounds counts. int8 is left out where PyTorch cannot multiply it.
    """
    flops = {}
    for name, product in _products(side).items():
        seconds = quickest(product, rounds)
        if seconds is not None:
            flops[name] = 2 * side**3 / seconds
    numbers = torch.ones(buffer // 4)
    reading = quickest(numbers.sum, rounds)
    assert reading is not None
    return Machine(torch.get_num_threads(), flops, buffer / reading)


def quickest(work: Callable[[], object], rounds: int) -> float | None:
    """The seconds of the quickest of some rounds, after one that warms up; None where it fails."""
    best = None
    for number in range(rounds + 1):
        began = time.perf_counter()
        try:
            work()
        except RuntimeError:
            return None
        taken = time.perf_counter() - began
        if number:
            best = taken if best is None else min(best, taken)
    return best


def _products(side: int) -> dict[str, Callable[[], object]]:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(side, side, generator=generator) for _ in range(2))
    low_a, low_b = a.bfloat16(), b.bfloat16()
    whole_a, whole_b = (part.mul(40).clamp(-127, 127).to(torch.int8) for part in (a, b))
    return {
        "float32": lambda: a @ b,
        "bfloat16": lambda: low_a @ low_b,
        "int8": lambda: torch._int_mm(whole_a, whole_b),
    }
