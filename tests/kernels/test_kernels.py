"""Every pair of FAST that is not REFERENCE's own, against it: forward, backward, each dtype."""

from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module

import pytest
import torch

from pellucid.kernels import FAST
from pellucid.kernels.scaled_dot_product import SHORT
from pellucid.layers import IGNORE, REFERENCE, Ops
from pellucid.models import GPT, Llama, LlamaConfig, draw_noise
from pellucid.optim import adamw
from pellucid.tree import flatten
from tests.judge import (
    Example,
    as_written,
    assert_close,
    assert_gradients_close,
)
from tests.layers.examples import CAUSAL, EXAMPLES, C, H, normal
from tests.models.examples import TARGETS, TOKENS, random_params, tiny
from tests.models.llama_examples import LLAMAS

KERNELS = [
    field.name
    for field in fields(Ops)
    if getattr(FAST, field.name) != getattr(REFERENCE, field.name)
]

# Of the largest number in a tensor. The judge is the reference in float64, given the same rounded
# inputs, so that this is the kernel's own rounding: a few units in the last place (1e-7 and 4e-3)
# times what a difference of large numbers magnifies.
TOLERANCES = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 3e-2}

# Where a softmax is as good as decided, its gradient is what is left of far larger numbers: on some
# processors ATen's kernel leaves a thousand times its rounding there, 4e-12 and 2e-2.
MAGNIFIED = {"scaled_dot_product: large": {torch.float64: 2e-11, torch.float32: 5e-2}}

# A number of 100 to 1000 in bfloat16 is off by 1 before anything is computed from it.
TOO_LARGE_FOR_BFLOAT16 = {
    ("layer_norm", "far from 0"),
    ("linear_cross_entropy", "large"),
    ("linear_smooth_cross_entropy", "large"),
}


def cases() -> Iterator[object]:
    for name in KERNELS:
        for label, example in EXAMPLES[name].items():
            for dtype, usual in TOLERANCES.items():
                if dtype != torch.bfloat16 or (name, label) not in TOO_LARGE_FOR_BFLOAT16:
                    short = str(dtype).removeprefix("torch.")
                    case = f"{name}: {label}"
                    allowed = MAGNIFIED.get(case, {}).get(dtype, usual)
                    yield pytest.param(name, example, dtype, allowed, id=f"{case}: {short}")


def test_there_are_kernels():
    assert {"layer_norm", "scaled_dot_product", "linear_cross_entropy"} <= set(KERNELS)


@pytest.mark.parametrize(("name", "example", "dtype", "allowed"), list(cases()))
def test_kernel_is_its_reference(name: str, example: Example, dtype: torch.dtype, allowed: float):
    rounded = example.to(dtype)
    out, grads = as_written(getattr(FAST, name), rounded)
    judge = rounded.to(torch.float64)
    expected, expected_grads = as_written(getattr(REFERENCE, name), judge)
    loss = name.endswith("cross_entropy")
    assert out.dtype == (torch.promote_types(dtype, torch.float32) if loss else dtype)
    assert {gradient.dtype for gradient in grads.values()} == {dtype}
    assert_close(out, expected, allowed)
    assert_gradients_close(grads, expected_grads, allowed)


# -- attention ------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 7, 65, 130])
def test_attention_of_any_length(length: int):
    q, k, v = (normal(1, H, length, C) for _ in range(3))
    mask = torch.ones(length, length, dtype=torch.bool).tril()
    example = Example((q, k, v), {}, {"mask": mask})
    _, grads = as_written(FAST.scaled_dot_product, example)
    _, expected = as_written(REFERENCE.scaled_dot_product, example)
    assert_gradients_close(grads, expected, 1e-12)


@pytest.mark.parametrize("length", [SHORT - 1, SHORT + 1])
def test_attention_in_bfloat16_is_right_on_either_side_of_its_switch(length: int):
    q, k, v = (normal(1, H, length, C) for _ in range(3))
    mask = torch.ones(length, length, dtype=torch.bool).tril()
    example = Example((q, k, v), {}, {"mask": mask}).to(torch.bfloat16)
    out, cache = FAST.scaled_dot_product.forward(*example.inputs, mask=mask)
    assert (cache[1] is None) == (length <= SHORT)
    expected, grads = as_written(REFERENCE.scaled_dot_product, example.to(torch.float64))
    assert_close(out, expected, TOLERANCES[torch.bfloat16])
    _, got = as_written(FAST.scaled_dot_product, example)
    assert_gradients_close(got, grads, TOLERANCES[torch.bfloat16])


def test_the_kept_causal_mask_and_a_copy_of_it_are_one():
    q, k, v = (normal(2, H, CAUSAL.shape[0], C) for _ in range(3))
    known, _ = FAST.scaled_dot_product.forward(q, k, v, mask=CAUSAL)
    unknown, _ = FAST.scaled_dot_product.forward(q, k, v, mask=CAUSAL.clone())
    assert_close(known, unknown, 1e-12)


# -- the head and the loss ------------------------------------------------------------------------

ROWS, VOCAB = 13, 7
HEAD_TARGETS = torch.randint(VOCAB, (ROWS,), generator=torch.Generator().manual_seed(0))
HEAD_TARGETS[[0, 4, 5, 6, 7, 12]] = IGNORE  # with three rows at once, one chunk has no target
HEAD = Example((normal(ROWS, C), HEAD_TARGETS), {"weight": normal(VOCAB, C)})


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 13, 100])
def test_the_loss_is_the_same_in_any_number_of_chunks(rows: int, monkeypatch: pytest.MonkeyPatch):
    module = import_module("pellucid.kernels.linear_cross_entropy")
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", rows * VOCAB)
    loss, grads = as_written(FAST.linear_cross_entropy, HEAD)
    expected, expected_grads = as_written(REFERENCE.linear_cross_entropy, HEAD)
    assert_close(loss, expected, 1e-12)
    assert_gradients_close(grads, expected_grads, 1e-12)


def test_a_chunk_holds_a_row_even_of_a_vocabulary_that_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
):
    module = import_module("pellucid.kernels.linear_cross_entropy")
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", 1)
    judge_by_loss, _ = REFERENCE.linear_cross_entropy.forward(*HEAD.inputs, **HEAD.params)
    loss, _ = FAST.linear_cross_entropy.forward(*HEAD.inputs, **HEAD.params)
    assert_close(loss, judge_by_loss, 1e-12)


# -- the whole model ------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"norm": "post", "tied": False},
        {"bias": False, "activation": "gelu_erf"},
        {"lora_rank": 2},
    ],
    ids=str,
)
def test_a_model_has_the_same_loss_and_gradients(choices: dict[str, object], p: float):
    model = GPT(tiny(**choices), random_params(tiny(**choices)))
    noise = draw_noise(model.config, TOKENS, p, torch.Generator().manual_seed(0), model.dtype)
    loss, grads = model.loss_and_grads(TOKENS, TARGETS, ops=FAST, noise=noise)
    expected, expected_grads = model.loss_and_grads(TOKENS, TARGETS, noise=noise)
    assert_close(loss, expected, 1e-12)
    assert_gradients_close(flatten(grads), flatten(expected_grads), 1e-12)
    assert_close(model.forward(TOKENS, ops=FAST), model.forward(TOKENS), 1e-12)
    assert_close(model.loss(TOKENS, TARGETS, ops=FAST), model.loss(TOKENS, TARGETS), 1e-12)


def ten_losses(model: GPT, ops: Ops) -> list[float]:
    params, state, losses = model.params, None, []
    for _ in range(10):
        loss, grads = GPT(model.config, params).loss_and_grads(TOKENS, TARGETS, ops=ops)
        params, state = adamw(params, grads, state, learning_rate=0.01)
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_ten_steps_of_training_have_the_same_losses(dtype: torch.dtype, tolerance: float):
    model = GPT(tiny(), random_params(tiny())).to(dtype=dtype)
    fast, reference = ten_losses(model, FAST), ten_losses(model, REFERENCE)
    assert fast == pytest.approx(reference, rel=tolerance)
    assert fast[-1] < fast[0]


@pytest.mark.parametrize("config", LLAMAS.values(), ids=LLAMAS.keys())
def test_a_llama_s_gradients_are_the_references(config: LlamaConfig):
    """Heads of two channels, halved and turned, come to attention in a layout of their own."""
    model = Llama.init(config, seed=1, dtype=torch.float64)
    loss, grads = model.loss_and_grads(TOKENS, TARGETS, ops=FAST)
    expected, expected_grads = model.loss_and_grads(TOKENS, TARGETS, ops=REFERENCE)
    assert_close(loss, expected, 1e-12)
    assert_gradients_close(flatten(grads), flatten(expected_grads), 1e-11)
