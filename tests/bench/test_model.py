"""What is measured of a machine and a model, not how fast it is."""

from collections.abc import Callable
from functools import partial

import pytest

from pellucid.bench import BenchSizes, Machine, Quiet, measure_machine, measure_model
from pellucid.bench.model import median_seconds
from pellucid.errors import ConfigError
from pellucid.models import GPT, GPTConfig, Llama, LlamaConfig
from pellucid.terminal.bench import quiet_line

MODEL = GPT.init(GPTConfig(vocab_size=64, block_size=16, n_layer=1, n_head=2, n_embd=8))
SIZES = BenchSizes(batch=2, length=4, new=3, rounds=1)


def test_a_machine_has_peaks_and_a_bandwidth():
    machine = measure_machine(rounds=1, side=64, read=64)
    formats = ("float32", "bfloat16", "int8", "int4")
    assert {"float32", "bfloat16"} <= machine.flops.keys() <= set(formats)
    assert min(machine.flops.values()) > 0 < machine.bandwidth


def test_matrices_grow_as_long_as_their_products_are_quick(monkeypatch: pytest.MonkeyPatch):
    seconds, tried = {"quick": 1e-6, "slow": 0.2, "none": None}, []

    def products(side: int) -> list[tuple[str, Callable[[], object]]]:
        return [(name, partial(tried.append, (name, side))) for name in seconds]

    def quickest(work: Callable[[], object], rounds: int) -> float | None:
        work()
        return seconds[tried[-1][0]]

    monkeypatch.setattr("pellucid.bench.machine._products", products)
    monkeypatch.setattr("pellucid.bench.machine.quickest", quickest)
    tried.append(("quick", 0))  # what memory's reading takes
    machine = measure_machine(side=2048, read=8)
    grown = [side for name, side in tried[1:] if name == "quick"]
    assert grown == [256, 512, 1024, 2048]
    assert [side for name, side in tried if name != "quick"] == [256, 256]
    assert machine.flops == {"quick": 2 * 2048**3 / 1e-6, "slow": 2 * 256**3 / 0.2}


def test_what_takes_long_is_measured_once(monkeypatch: pytest.MonkeyPatch):
    ran: list[int] = []
    assert median_seconds(lambda: ran.append(1), 3) >= 0
    assert len(ran) == 4  # one warms up
    monkeypatch.setattr("pellucid.bench.model.LONG", 1e-12)
    assert median_seconds(lambda: ran.append(1), 3) >= 0
    assert len(ran) == 5


def test_every_work_in_every_form_with_its_part_of_the_machine():
    machine = Machine(1, {"float32": 2e9, "bfloat16": 4e9}, 1e9)
    rows = list(measure_model(MODEL, machine, SIZES))
    forms = ("float32", "bfloat16", "int8", "int4")
    assert [(row.work, row.form) for row in rows] == [
        *(("train", form) for form in forms[:2]),
        *((work, form) for form in forms for work in ("prefill", "decode")),
    ]
    for row in rows:
        if row.work == "decode":
            assert row.fraction == pytest.approx(row.bytes / row.seconds / 1e9)
        elif row.form in machine.flops:
            peak = machine.flops[row.form]
            assert row.fraction == pytest.approx(row.flops / row.seconds / peak)
        else:
            assert row.fraction is None
        assert row.tokens == {"train": 8, "prefill": 4, "decode": 1}[row.work]


def test_other_programs_are_told_of_and_a_little_of_them_is_not():
    others = Quiet().others()
    assert others is None or others >= 0
    assert not quiet_line(None)
    assert not quiet_line(0.01)
    assert "1.00 cores" in quiet_line(1.0)


def test_texts_longer_than_the_context_are_refused():
    with pytest.raises(ConfigError, match=r"context of 16 positions, and 14 \+ 3 tokens do not"):
        next(measure_model(MODEL, Machine(1, {}, 1.0), SIZES._replace(length=14)))


def test_a_model_that_cannot_be_packed_is_measured_as_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Llama, "packable", False)
    model = Llama.init(LlamaConfig(64, 16, 1, 2, 1, 8, 12))
    rows = list(measure_model(model, Machine(1, {}, 1e9), SIZES))
    assert [(row.work, row.form) for row in rows] == [
        *(("train", form) for form in ("float32", "bfloat16")),
        *((work, form) for form in ("float32", "bfloat16") for work in ("prefill", "decode")),
    ]
    assert all(row.seconds > 0 < row.flops for row in rows)
