"""What this machine can do: its quickest matrix products, and how fast it reads memory."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch

from pellucid import native
from pellucid.kernels.packed_linear import product
from pellucid.kernels.packing import FORMS, arena, pack, packed_bytes

SIDE = 2048
"""Rows and columns of the matrices that are multiplied."""
SMALLER = (256, 512, 1024)
"""What is multiplied first: where a form is slow, no larger matrices say more."""
SLOW = 0.1
"""Seconds. Where a product takes longer, it is not measured with larger matrices."""
READ = 8192
"""Rows and columns of the float32 matrix that is read: 256 MiB, more than caches hold."""


class Machine(NamedTuple):
    """Measured peaks."""

    threads: int
    flops: dict[str, float]  # operations a second, by number format
    bandwidth: float  # bytes read a second


def measure_machine(*, rounds: int = 5, side: int = SIDE, read: int = READ) -> Machine:
    """Multiply square matrices in every format, and read a large one, by all threads.

    PyTorch and the native kernels do it, and the quickest round of either counts. int8 is left out
    where neither can multiply it. Matrices grow to `side` as long as a form's products are quick: a
    processor without bfloat16 may take minutes for the largest.
    """
    flops: dict[str, float] = {}
    slow: set[int] = set()
    for edge in (*(one for one in SMALLER if one < side), side):
        for kind, (name, work) in enumerate(_products(edge)):
            seconds = None if kind in slow else quickest(work, rounds)
            if seconds is None:
                slow.add(kind)
                continue
            flops[name] = max(flops.get(name, 0.0), 2 * edge**3 / seconds)
            if seconds > SLOW:
                slow.add(kind)
    large = torch.ones(read, read)
    readings = [quickest(large.sum, rounds)]
    if native.library() is not None:
        weight = pack(large, "float32", arena(packed_bytes((read, read), "float32")))
        row = torch.ones(1, read)
        readings.append(quickest(lambda: product(row, weight), rounds))
    return Machine(
        torch.get_num_threads(), flops, large.nbytes / min(taken for taken in readings if taken)
    )


def quickest(work: Callable[[], object], rounds: int) -> float | None:
    """The seconds of the quickest of some rounds, after one that warms up; None where it fails."""
    taken = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        try:
            work()
        except RuntimeError:
            return None
        taken.append(time.perf_counter() - began)
    return min(taken[1:])


def _products(side: int) -> Iterator[tuple[str, Callable[[], object]]]:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(side, side, generator=generator) for _ in range(2))
    low_a, low_b = a.bfloat16(), b.bfloat16()
    whole_a, whole_b = (part.mul(40).clamp(-127, 127).to(torch.int8) for part in (a, b))
    yield "float32", lambda: a @ b
    yield "bfloat16", lambda: low_a @ low_b
    yield "int8", lambda: torch._int_mm(whole_a, whole_b)
    if native.library() is not None:
        for form in FORMS:
            yield form, partial(product, a, pack(b, form))
