"""Recomputed blocks: the same numbers, to the last bit, from a cache that is the input alone."""

from dataclasses import fields
from inspect import signature
from typing import Any

import pytest
import torch

from pellucid.kernels import FAST
from pellucid.layers import COMPOSITE, REFERENCE, Ops, recomputing
from pellucid.models import GPT, Llama
from pellucid.models.causal_wiring import causal_loss, draw_noise
from pellucid.models.gpt.wiring import TRUNK
from pellucid.models.llama.wiring import LLAMA_TRUNK
from pellucid.tree import flatten
from tests.models.examples import TARGETS, TOKENS, random_params, tiny
from tests.models.llama_examples import LLAMAS


@pytest.mark.parametrize("ops", [REFERENCE, FAST], ids=["reference", "fast"])
@pytest.mark.parametrize(
    "choices", [{}, {"norm": "post", "tied": False}, {"lora_rank": 2}], ids=str
)
def test_every_gradient_is_the_same(choices: dict[str, Any], ops: Ops):
    model = GPT(tiny(**choices), random_params(tiny(**choices)))
    noise = draw_noise(model.config, TOKENS, 0.3, torch.Generator().manual_seed(0), model.dtype)
    loss, grads = model.loss_and_grads(TOKENS, TARGETS, ops=recomputing(ops), noise=noise)
    expected, expected_grads = model.loss_and_grads(TOKENS, TARGETS, ops=ops, noise=noise)
    assert torch.equal(loss, expected)
    kept = flatten(expected_grads)
    for name, grad in flatten(grads).items():
        assert torch.equal(grad, kept[name]), name


@pytest.mark.parametrize("ops", [REFERENCE, FAST], ids=["reference", "fast"])
def test_so_it_is_with_the_blocks_of_a_llama(ops: Ops):
    model = Llama.init(LLAMAS["window"], seed=1, dtype=torch.float64)
    own: dict[str, Any] = {"config": model.config, "trunk": LLAMA_TRUNK}
    _, expected_grads = model.loss_and_grads(TOKENS, TARGETS, ops=ops)
    _, cache = causal_loss(TOKENS, TARGETS, **model.params, **own, ops=recomputing(ops))
    assert {type(block).__name__ for block in cache.trunk.h} == {"Again"}
    _, grads = model.loss_and_grads(TOKENS, TARGETS, ops=recomputing(ops))
    for name, grad in flatten(grads).items():
        assert torch.equal(grad, flatten(expected_grads)[name]), name


def test_composite_are_the_pairs_that_hand_their_parameters_on():
    takes_ops = {
        entry.name
        for entry in fields(REFERENCE)
        if "ops" in signature(getattr(REFERENCE, entry.name).forward).parameters
    }
    assert set(COMPOSITE) == takes_ops


def test_a_block_keeps_its_input_and_what_it_was_told():
    model = GPT(tiny(), random_params(tiny()))
    told = {"config": model.config, "ops": recomputing(REFERENCE), "trunk": TRUNK}
    _, cache = causal_loss(TOKENS, TARGETS, **model.params, **told)
    parameters = {id(leaf) for leaf in flatten(model.params).values()}
    for block in cache.trunk.h:
        held = [leaf for leaf in flatten(block.told).values() if isinstance(leaf, torch.Tensor)]
        own = [leaf for leaf in held if id(leaf) not in parameters]
        assert block.x.shape == (*TOKENS.shape, model.config.n_embd)
        assert [leaf.dtype for leaf in own] == [torch.bool], "more than the mask is kept"
