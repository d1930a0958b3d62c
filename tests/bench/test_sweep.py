"""Cost against size: what is swept, and what is fitted."""

import pytest
import torch

from pellucid.bench import BenchSizes, Machine, SweepPoint, exponent, step_bytes, sweep
from pellucid.models import GPT, Llama
from pellucid.terminal.bench import by_curve, sweep_table
from pellucid.tree import flatten

TINY = {"vocab_size": 64, "block_size": 32, "n_layer": 1, "n_head": 2, "n_embd": 8}
BASES = {"GPT": (GPT, GPT.sized(**TINY)), "Llama": (Llama, Llama.sized(**TINY, n_kv_head=1))}
SWEPT = {"d": (8, 16), "layers": (1, 2), "T": (2, 4), "batch": (1, 2)}


@pytest.mark.parametrize("power", [-1.0, 0.0, 0.5, 2.0])
def test_an_exact_power_is_found(power: float):
    values = [1, 2, 4, 16]
    assert exponent(values, [3 * value**power for value in values]) == pytest.approx(power)


def test_noise_is_averaged_in_the_logarithms():
    seconds = [2.0, 4.0 * 1.1, 8.0 / 1.1, 16.0]
    assert 0.9 < exponent([1, 2, 4, 8], seconds) < 1.1


def test_every_work_is_timed_at_every_value_of_what_it_depends_on():
    points = list(sweep(SWEPT, BASES, BenchSizes(batch=1, length=2, new=2, rounds=1)))
    curves = by_curve(points)
    works = {(work, size) for work in ("train", "prefill", "decode") for size in SWEPT}
    works -= {("prefill", "batch"), ("decode", "batch")}
    assert set(curves) == {(model, *pair) for model in BASES for pair in works}
    for (_, _, size), own in curves.items():
        assert tuple(point.value for point in own) == SWEPT[size]
        assert all(point.seconds > 0 < point.flops for point in own)
    widths = [point.bytes for point in curves["Llama", "train", "d"]]
    assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize(("flops", "name", "part"), [(100, "bytes", 0.25), (4000, "flops", 0.5)])
def test_the_limit_is_what_takes_the_machine_longer(flops: float, name: str, part: float):
    machine = Machine(1, {"float32": 1000.0}, 8.0)
    point = SweepPoint("GPT", "d", 128, "decode", 8.0, 1, flops, 16.0)
    assert point.limit(machine) == (name, part)
    table = sweep_table([point, point._replace(value=256)], machine)
    assert f"128: 8e+06 ({name} {part:.0%})" in next(iter(table.columns[3].cells))


def test_a_training_step_moves_each_parameter_eleven_times():
    config = GPT.sized(**TINY)
    assert step_bytes(config) == 44 * sum(
        map(torch.Tensor.numel, flatten(GPT.init(config).params).values())
    )
