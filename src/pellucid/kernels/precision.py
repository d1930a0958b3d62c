"""Which products are fast here: float32's by oneDNN, where these are as precise, or bfloat16's.

PyTorch has two libraries for float32 on a CPU. The setting that allows bfloat16 inside products
chooses oneDNN, which on processors without bfloat16 matrix units computes in float32 all the same,
on some of them twice as fast as the other; where there are such units it truly rounds to bfloat16.
So a product is judged against float64 before the setting stays.

A processor without bfloat16 multiplies it by way of float32, element after element, and may take 30
times as long as for float32 itself.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

ALLOWED = 32.0
"""How large the error may be, in units of float32's rounding, 2⁻²⁴ of a number."""


def error_of(product: Callable[[Tensor, Tensor], Tensor]) -> float:
    """The root of the mean square error of a float32 product against float64, in those units.

    Libraries that compute in float32 come to 3 to 10, by the order in which they add; numbers that
    are rounded to TF32 first to some 5,000, and to bfloat16 to some 40,000.
    """
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for rows, inner, columns in ((256, 768, 512), (256, 256, 256)):
        a = torch.randn(rows, inner, generator=generator)
        b = torch.randn(inner, columns, generator=generator)
        exact = a.double() @ b.double()
        deviation = (product(a, b).double() - exact).square().mean().sqrt()
        worst = max(worst, float(deviation / exact.square().mean().sqrt()))
    return worst / 2**-24


SLOW = 2.0
"""From this on bfloat16 is slow; where a processor has it, its products take half of the time."""


def bfloat16_slowness(product: Callable[[Tensor, Tensor], Tensor] = torch.matmul) -> float:
    """How many times as long a product in bfloat16 takes here as one in float32; a median of five.

    It takes some milliseconds where the processor multiplies bfloat16, and a second where not.
    """
    a, b = torch.ones(512, 256), torch.ones(256, 256)
    pairs = {dtype: (a.to(dtype), b.to(dtype)) for dtype in (torch.float32, torch.bfloat16)}
    seconds: dict[torch.dtype, list[float]] = {dtype: [] for dtype in pairs}
    for _ in range(6):
        for dtype, operands in pairs.items():
            began = time.perf_counter()
            product(*operands)
            seconds[dtype].append(time.perf_counter() - began)
    # The first of each sets up what the others find there.
    narrow, wide = (statistics.median(seconds[d][1:]) for d in (torch.bfloat16, torch.float32))
    return narrow / wide


@contextmanager
def fastest_float32() -> Iterator[bool]:
    """Inside, float32 products are oneDNN's if these are as precise; says whether they are.

    Where they are not, or PyTorch has no such setting, all stays as it was.
    """
    settings: Any = getattr(torch.backends.mkldnn, "matmul", None)
    if settings is None or not torch.backends.mkldnn.is_available():
        yield False
        return
    before = settings.fp32_precision
    settings.fp32_precision = "bf16"
    precise = error_of(torch.matmul) <= ALLOWED
    if not precise:
        settings.fp32_precision = before
    try:
        yield precise
    finally:
        settings.fp32_precision = before
