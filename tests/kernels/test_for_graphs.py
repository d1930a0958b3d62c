"""What compiled graphs are made of, run without a compiler: attention, the head with its loss."""

import pytest
import torch
from torch import Tensor

from pellucid import layers
from pellucid.kernels import attention_op, gelu_by_exp, whole_cross_entropy
from pellucid.layers import REFERENCE, Pair, causal_mask
from tests.judge import Example, as_written, assert_close, assert_gradients_close
from tests.layers.examples import EXAMPLES

ATTENTION = Pair(attention_op.scaled_dot_product, attention_op.scaled_dot_product_backward)
GELU = Pair(gelu_by_exp.gelu_tanh, gelu_by_exp.gelu_tanh_backward)
HEAD = Pair(
    whole_cross_entropy.linear_cross_entropy, whole_cross_entropy.linear_cross_entropy_backward
)
TOLERANCES = {torch.float64: 2e-11, torch.float32: 1e-4}


def normal(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def masks() -> dict[str, Tensor | None]:
    """Square ones of a text of 9, the causal one among them, and one that is different by row."""
    causal = causal_mask(9, 9, torch.device("cpu"))
    looking_back = torch.ones(9, 9).triu() > 0
    window = causal & (torch.ones(9, 9).triu(-2) > 0)
    padded = causal & torch.tensor([[True] * 9, [True] * 6 + [False] * 3])[:, None, None]
    return {
        "none": None,
        "causal": causal,
        "a copy": causal.clone(),
        "the other way": looking_back,
        "a window": window,
        "all": torch.ones(9, 9) > 0,
        "by row": padded,
        "a row of keys": torch.tensor([True] * 5 + [False] * 4).expand(1, 1, 1, 9),
    }


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("width", [6, 7])
@pytest.mark.parametrize("mask", masks().values(), ids=masks())
def test_attention_reads_each_mask_forward_and_backward(
    mask: Tensor | None, width: int, dtype: torch.dtype
):
    inputs = tuple(normal(2, 3, 9, width, seed=seed) for seed in range(3))
    example = Example(inputs, {}, {"mask": mask})
    out, grads = as_written(ATTENTION, example.to(dtype))
    exact, right = as_written(REFERENCE.scaled_dot_product, example)
    assert_close(out, exact, TOLERANCES[dtype])
    assert_gradients_close(grads, right, TOLERANCES[dtype])


@pytest.mark.parametrize("example", EXAMPLES["scaled_dot_product"].values())
def test_attention_is_the_reference_s(example: Example):
    out, grads = as_written(ATTENTION, example)
    exact, right = as_written(REFERENCE.scaled_dot_product, example)
    assert_close(out, exact, 2e-11)
    assert_gradients_close(grads, right, 2e-11)


@pytest.mark.parametrize("dloss", [1.0, -2.5, torch.tensor(0.25, dtype=torch.float64)])
@pytest.mark.parametrize(("vocab_size", "run"), [(7, 7), (7, 3), (64, 64), (65, 64)])
def test_a_head_s_gradients_are_as_many_times_the_loss_s(
    vocab_size: int, run: int, dloss: Tensor | float, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(whole_cross_entropy, "RUN", run)
    x, weight = normal(2, 5, 4, seed=0), normal(vocab_size, 4, seed=1)
    targets = torch.tensor([[1, 2, layers.IGNORE, 3, 0], [6, 5, 4, 3, layers.IGNORE]])
    loss, cache = HEAD.forward(x, targets, weight=weight)
    dx, grads = HEAD.backward(dloss, cache)
    exact, kept = REFERENCE.linear_cross_entropy.forward(x, targets, weight=weight)
    right, others = REFERENCE.linear_cross_entropy.backward(dloss, kept)
    assert_close(loss, exact, 1e-12)
    assert_close(dx, right, 1e-12)
    assert_gradients_close(grads, others, 1e-12)


@pytest.mark.parametrize("example", EXAMPLES["linear_cross_entropy"].values())
def test_a_head_is_the_reference_s(example: Example):
    loss, grads = as_written(HEAD, example)
    exact, right = as_written(REFERENCE.linear_cross_entropy, example)
    assert_close(loss, exact, 1e-12)
    assert_gradients_close(grads, right, 1e-12)


@pytest.mark.parametrize("example", EXAMPLES["gelu_tanh"].values())
def test_an_activation_by_the_exponential_is_the_reference_s(example: Example):
    out, grads = as_written(GELU, example)
    exact, right = as_written(REFERENCE.gelu_tanh, example)
    assert_close(out, exact, 1e-12)
    assert_gradients_close(grads, right, 1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_activation_by_the_exponential_is_0_or_x_far_from_0(dtype: torch.dtype):
    x = torch.tensor([-1e4, -50.0, 50.0, 1e4], dtype=dtype)
    out, cache = GELU.forward(x)
    dx, _ = GELU.backward(torch.ones_like(x), cache)
    assert torch.equal(out, x.clamp(min=0))
    assert dx.tolist() == [0, 0, 1, 1]
