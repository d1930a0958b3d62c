"""The choice of float32's matrix products: what is as precise as float32 passes, and only that."""

import time

import pytest
import torch
from torch import Tensor

from pellucid.kernels.precision import ALLOWED, bfloat16_slowness, error_of, fastest_float32


def by_bfloat16(a: Tensor, b: Tensor) -> Tensor:
    return a.bfloat16().float() @ b.bfloat16().float()


def by_tf32(a: Tensor, b: Tensor) -> Tensor:
    """Eleven bits of every number, as matrix units for TF32 take them; half has as many."""
    return a.half().float() @ b.half().float()


def test_float32_is_as_precise_as_float32_and_fewer_bits_are_not():
    assert error_of(torch.matmul) < ALLOWED
    assert error_of(by_tf32) > 50 * ALLOWED
    assert error_of(by_bfloat16) > 500 * ALLOWED


class Settings:
    """PyTorch's setting, as it would be on a processor that takes it at its word."""

    def __init__(self) -> None:
        self.fp32_precision = "none"

    def matmul(self, a: Tensor, b: Tensor) -> Tensor:
        return by_bfloat16(a, b) if self.fp32_precision == "bf16" else a.mm(b)


def test_a_processor_that_rounds_to_bfloat16_is_found_out(monkeypatch: pytest.MonkeyPatch):
    settings = Settings()
    monkeypatch.setattr(torch.backends.mkldnn, "matmul", settings, raising=False)
    monkeypatch.setattr(torch, "matmul", settings.matmul)
    with fastest_float32() as chosen:
        assert not chosen
        assert settings.fp32_precision == "none"


def test_inside_products_are_float32s_and_outside_all_is_as_before():
    settings = getattr(torch.backends.mkldnn, "matmul", None)
    before = settings and settings.fp32_precision
    with fastest_float32() as chosen:
        assert error_of(torch.matmul) < ALLOWED
        assert not chosen or settings.fp32_precision == "bf16"
    assert (settings and settings.fp32_precision) == before


@pytest.mark.parametrize(("slow", "times"), [(torch.bfloat16, 20.0), (torch.float32, 0.05)])
def test_how_slow_bfloat16_is(monkeypatch: pytest.MonkeyPatch, slow: torch.dtype, times: float):
    """By a clock that only the products move."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    taken = 0

    def product(a: Tensor, b: Tensor) -> None:
        nonlocal taken
        taken += 1
        assert a.dtype == b.dtype
        now[0] += (20 if a.dtype == slow else 1) * (1000 if taken <= 2 else 1)

    assert bfloat16_slowness(product) == pytest.approx(times)
