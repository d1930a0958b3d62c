"""LoRA around a GPT: the same logits as it begins and once merged, and pairs that alone move."""

import math
import re
from dataclasses import replace
from typing import Any

import pytest
import torch

from pellucid.errors import ConfigError
from pellucid.kernels import FAST
from pellucid.layers import REFERENCE, Ops
from pellucid.models import (
    GPT,
    GPTConfig,
    init_params,
    merged,
    parameter_shapes,
    trainable,
    with_lora,
)
from pellucid.train import updated
from pellucid.tree import flatten, unflatten
from tests.judge import assert_close
from tests.models.examples import TARGETS, TOKENS, random_params, tiny

MODELS = [{}, {"norm": "post", "n_inner": 6}, {"tied": False, "bias": False, "final_norm": False}]
MAPS = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
PAIRS = [f"h.{i}.{path}.{leaf}" for i in range(2) for path in MAPS for leaf in ("lora_a", "lora_b")]
each_model = pytest.mark.parametrize("choices", MODELS, ids=str)
each_table = pytest.mark.parametrize("ops", [REFERENCE, FAST], ids=["reference", "fast"])


def plain(**choices: Any) -> GPT:
    config = tiny(**choices)
    return GPT(config, random_params(config))


def tuned(**choices: Any) -> GPT:
    """A model whose pairs are of order 1, as everything."""
    return plain(lora_rank=2, **choices)


def test_every_linear_map_of_every_block_has_a_pair_and_nothing_else_has():
    shapes = parameter_shapes(tiny(lora_rank=3, n_inner=6))
    before = parameter_shapes(tiny(n_inner=6))
    assert [name for name in shapes if name not in before] == PAIRS
    assert {name: shapes[name] for name in before} == before
    assert shapes["h.1.attn.c_attn.lora_a"] == (4, 3)
    assert shapes["h.1.attn.c_attn.lora_b"] == (3, 12)
    assert shapes["h.0.mlp.c_proj.lora_a"] == (6, 3)
    assert shapes["h.0.mlp.c_proj.lora_b"] == (3, 4)
    names = list(shapes)
    place = names.index("h.0.attn.c_attn.lora_a")
    assert names[place - 1] == "h.0.attn.c_attn.bias"


@each_table
@each_model
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_as_it_begins_the_logits_are_the_same_to_the_bit(
    choices: dict[str, Any], ops: Ops, dtype: torch.dtype
):
    before = plain(**choices).to(dtype=dtype)
    after = with_lora(before, 3, seed=5)
    assert (after.config, after.dtype) == (replace(before.config, lora_rank=3), dtype)
    assert torch.equal(after.forward(TOKENS, ops=ops), before.forward(TOKENS, ops=ops))
    kept, leaves = flatten(before.params), flatten(after.params)
    assert all(leaves[name] is leaf for name, leaf in kept.items())
    assert list(leaves) == list(parameter_shapes(after.config))


@each_table
@each_model
def test_merged_is_a_model_without_pairs_of_the_same_logits(choices: dict[str, Any], ops: Ops):
    model = tuned(**choices)
    whole = merged(model)
    assert whole.config == tiny(**choices)
    assert list(flatten(whole.params)) == list(parameter_shapes(whole.config))
    logits = model.forward(TOKENS, ops=ops)
    assert_close(whole.forward(TOKENS, ops=ops), logits, 1e-12)
    without = GPT(whole.config, random_params(model.config) | {"h": whole.params["h"]})
    assert_close(without.forward(TOKENS, ops=ops), logits, 1e-12)  # outside blocks nothing moved
    pairs_off = {n: 0 * v if n.endswith("lora_b") else v for n, v in flatten(model.params).items()}
    away = model.with_params(unflatten(pairs_off)).forward(TOKENS, ops=ops)
    assert (away - logits).abs().max() > 0.01, "the pairs count"


def test_a_model_without_pairs_is_merged_already():
    model = plain()
    assert merged(model) is model


def test_generation_goes_on_from_a_past():
    model, past, parts = tuned(), None, []
    for chunk in TOKENS.split([2, 1, 2], -1):
        logits, past = model.extend(chunk, past)
        parts.append(logits)
    assert_close(torch.cat(parts, -2), model.forward(TOKENS), 1e-12)


def test_pairs_begin_normal_of_deviation_one_over_root_m_and_zero():
    config = GPTConfig(vocab_size=40, block_size=30, n_layer=2, n_head=2, n_embd=64, lora_rank=8)
    pairs = flatten(trainable(init_params(config)))
    for name, weight in pairs.items():
        if name.endswith("lora_b"):
            assert torch.equal(weight, torch.zeros_like(weight)), name
        else:
            deviation, doubt = 1 / math.sqrt(weight.shape[0]), 5 / math.sqrt(weight.numel())
            assert abs(weight.mean()) < doubt * deviation, name
            assert abs(weight.std() / deviation - 1) < doubt, name


def test_the_rest_begins_as_without_pairs_and_the_seed_decides():
    own = flatten(init_params(tiny(), seed=3))
    with_pairs = flatten(init_params(tiny(lora_rank=2), seed=3))
    assert all(torch.equal(with_pairs[name], leaf) for name, leaf in own.items())
    one, again, other = (
        with_lora(plain(), 2, seed=s).params["h"]["0"]["attn"]["c_attn"]["lora_a"]
        for s in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_what_training_changes():
    assert list(flatten(trainable(tuned().params))) == PAIRS
    model = plain(tied=False)
    assert list(flatten(trainable(model.params))) == list(flatten(model.params))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_a_step_moves_the_pairs_alone(optimizer: str):
    model = tuned()
    settings = {"optimizer": optimizer, "learning_rate": 0.01, "weight_decay": 0.1}
    params, state, losses = model.params, None, []
    for _ in range(5):
        loss, grads = model.with_params(params).loss_and_grads(TOKENS, TARGETS)
        losses.append(float(loss))
        params, state = updated(params, grads, state, settings)
    assert losses[-1] < losses[0]
    moved = [n for n, leaf in flatten(params).items() if leaf is not flatten(model.params)[n]]
    assert moved == PAIRS


def test_a_model_says_that_it_has_pairs():
    assert str(tuned()).endswith("context 6, float64, with LoRA of rank 2")


@pytest.mark.parametrize("rank", [-1, 1.5, True, "4", None], ids=str)
def test_a_wrong_rank_is_one_line(rank: Any):
    with pytest.raises(ConfigError, match="lora_rank must be a whole number, 0 for a model"):
        tiny(lora_rank=rank)
    with pytest.raises(ConfigError, match=re.escape(f"at least 1, not {rank!r}")):
        with_lora(plain(), rank)


def test_rank_0_is_no_rank_to_add():
    with pytest.raises(ConfigError, match="at least 1, not 0"):
        with_lora(plain(), 0)


def test_pairs_are_given_once():
    with pytest.raises(ConfigError, match=r"has some of rank 2: .* by merged"):
        with_lora(tuned(), 2)
