"""Blocks in one native call: every choice of Llama's family, mixed forms, and what is kept."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid import native
from pellucid.kernels import PACKED
from pellucid.kernels.packing import Form
from pellucid.models import packed
from tests.kernels.levels import ROUNDINGS, each_form, each_level
from tests.models.llama_examples import LLAMAS, drawn, tiny

each_llama = pytest.mark.parametrize("label", LLAMAS)


def ids(*shape: int, vocab_size: int = 7) -> Tensor:
    return torch.randint(vocab_size, shape, generator=torch.Generator().manual_seed(1))


def distance(got: Tensor, judge: Tensor) -> float:
    return float((got - judge).norm() / judge.norm())


@pytest.fixture
def calls(level: str) -> Iterator[list[int]]:
    """How many blocks each native call computed."""
    table: Any = native.library()
    counts: list[int] = []

    def blocks(first: Any, count: int, *rest: Any) -> None:
        counts.append(count)
        table.blocks(first, count, *rest)

    wrapped = table and SimpleNamespace(linear=table.linear, blocks=blocks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "library", lambda: wrapped)
        yield counts


@each_level
@each_form
@each_llama
def test_a_llama_is_its_reference(
    level: str,
    form: Form,
    label: str,
    calls: list[int],
):
    model = drawn(LLAMAS[label])
    tokens = ids(2, 6)
    judge = model.forward(tokens)
    small = packed(model.to(dtype=torch.float32), form)
    got = small.forward(tokens, ops=PACKED)
    assert distance(got, judge) <= ROUNDINGS[form]
    assert calls == ([] if level == "off" else [model.config.n_layer])


@each_level
@each_form
@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"n_head": 8, "n_kv_head": 2, "head_size": 6, "qk_norm": True},
        {"n_head": 9, "n_kv_head": 1, "head_size": 64, "window": 7, "windowed_from": 1},
        {"n_head": 2, "n_kv_head": 2, "head_size": 72, "unrotated_every": 2, "window": 70},
    ],
    ids=str,
)
def test_going_on_is_computing_all_at_once(level: str, form: Form, choices: dict[str, Any]):
    model = packed(drawn(tiny(block_size=160, **choices)).to(dtype=torch.float32), form)
    tokens = ids(2, 150)
    whole = model.forward(tokens, ops=PACKED)
    logits, past, at = [], None, 0
    for length in (20, 1, 1, 3, 15, 9, 90, 1, 10):
        some, past = model.extend(tokens[:, at : at + length], past, ops=PACKED)
        logits.append(some)
        at += length
    assert distance(torch.cat(logits, 1), whole) < {"float32": 1e-5}.get(form, 0.05)
