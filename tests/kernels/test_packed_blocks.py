"""Blocks in one native call: every choice of Llama's family, mixed forms, and what is kept."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid import native
from pellucid.kernels import PACKED
from pellucid.kernels.packing import Form, pack
from pellucid.layers import causal_mask, rotary_angles
from pellucid.models import packed
from pellucid.tree import flatten, unflatten
from tests.kernels.levels import LEVELS, ROUNDINGS, each_form, each_level
from tests.models.llama_examples import LLAMAS, drawn, tiny

CPU = torch.device("cpu")
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


@pytest.fixture
def three_threads() -> Iterator[None]:
    """As many threads, so that they share out positions."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@each_level
@pytest.mark.parametrize("window", [None, 70])
def test_threads_that_share_positions_find_what_one_does(
    level: str, window: int | None, three_threads: None
):
    config = tiny(block_size=210, n_head=6, n_kv_head=2, head_size=32, window=window)
    model = packed(drawn(config).to(dtype=torch.float32), "float32")
    tokens = ids(205)
    judge = model.forward(tokens, ops=PACKED)
    got, past = model.extend(tokens[:3], None, ops=PACKED)
    assert distance(got, judge[:3]) < 1e-5
    _, past = model.extend(tokens[3:200], past, ops=PACKED)
    for place in range(200, 205):
        one, past = model.extend(tokens[place : place + 1], past, ops=PACKED)
        assert distance(one[0], judge[place]) < 1e-5


MIXED = {
    "attn.q_proj": "int8",
    "attn.k_proj": "q4_1",
    "attn.v_proj": "int4",
    "attn.c_proj": "float32",
    "mlp.gate_proj": "bfloat16",
    "mlp.up_proj": "q4_0",
    "mlp.c_proj": "int8",
}


@each_level
@pytest.mark.parametrize("length", [1, 6, 30])
def test_each_weight_has_a_form_of_its_own(level: str, length: int):
    """Of many rows and of few; the judge computes part by part, with the same roundings."""
    config = tiny(block_size=64, n_embd=64, n_inner=96, n_head=4, n_kv_head=2)
    model = drawn(config).to(dtype=torch.float32)
    forms = {f"h.{n}.{name}.weight": form for n in (0, 1) for name, form in MIXED.items()}
    params = packed_as(model.params, forms)
    told: dict[str, Any] = {
        "n_head": 4,
        "n_kv_head": 2,
        "activation": PACKED.silu,
        "eps": config.eps,
        "ops": PACKED,
        "mask": causal_mask(length, length, CPU) if length > 1 else None,
    }
    cos, sin = rotary_angles(config.frequencies(CPU), length=length, dtype=torch.float32)
    x = torch.randn(2, length, 64, generator=torch.Generator().manual_seed(3))
    block = {**params["h"]["0"], **told, "cos": cos, "sin": sin}
    got, _ = PACKED.gated_block.forward(x, **block)
    noise = torch.ones_like(x)  # which the library has no kernel for, and which changes nothing
    judge, _ = PACKED.gated_block.forward(x, **block, mlp_noise=noise)
    assert distance(got, judge) < 0.02


def packed_as(params: Any, forms: dict[str, Form]) -> Any:
    """The parameters, some of them packed, each in its form."""
    leaves = flatten(params)
    made = {name: pack(leaves[name], form) for name, form in forms.items()}
    return unflatten(leaves | made)


@pytest.mark.parametrize("level", LEVELS[-1:], indirect=True)
def test_blocks_of_unlike_sizes_are_computed_one_by_one(level: str, calls: list[int]):
    model = packed(drawn(tiny()).to(dtype=torch.float32), "float32")
    other = packed(drawn(tiny(n_inner=10)).to(dtype=torch.float32), "float32")
    h = {"0": model.params["h"]["0"], "1": other.params["h"]["1"]}
    mixed = model.with_params(model.params | {"h": h})
    got = mixed.forward(ids(6), ops=PACKED)
    assert calls == [1, 1]
    assert bool(got.isfinite().all())


@pytest.mark.parametrize("level", ["off"], indirect=True)
def test_heads_that_share_keys_are_looked_at_alike_without_the_library(level: str):
    small = packed(drawn(LLAMAS["shared keys"]).to(dtype=torch.float32), "bfloat16")
    whole = small.forward(ids(6), ops=PACKED)
    _, past = small.extend(ids(6)[:4], None, ops=PACKED)
    rest, _ = small.extend(ids(6)[4:], past, ops=PACKED)
    assert distance(rest, whole[4:]) < 1e-5
