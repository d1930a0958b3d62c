"""Cost against size: what is swept, and what is fitted."""

import pytest

from pellucid.bench import BenchSizes, exponent, sweep
from pellucid.models import GPTConfig
from pellucid.terminal.bench import by_curve

BASE = GPTConfig(vocab_size=64, block_size=32, n_layer=1, n_head=2, n_embd=8)
SWEPT = {"d": (8, 16), "layers": (1, 2), "T": (2, 4), "batch": (1, 2)}


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5, 2.0])
def test_an_exact_power_is_found(power: float):
    values = [1, 2, 4, 16]
    assert exponent(values, [3 * value**power for value in values]) == pytest.approx(power)


def test_noise_is_averaged_in_the_logarithms():
    seconds = [2.0, 4.0 * 1.1, 8.0 / 1.1, 16.0]
    assert 0.9 < exponent([1, 2, 4, 8], seconds) < 1.1


def test_every_work_is_timed_at_every_value_of_what_it_depends_on():
    points = list(sweep(SWEPT, BASE, BenchSizes(batch=1, length=2, new=2, rounds=1)))
    curves = by_curve(points)
    works = {(work, size) for work in ("train", "prefill", "decode") for size in SWEPT}
    assert set(curves) == works - {("prefill", "batch"), ("decode", "batch")}
    for (_, size), own in curves.items():
        assert tuple(point.value for point in own) == SWEPT[size]
        assert all(point.seconds > 0 for point in own)
