"""A loss in bfloat16 or float16 is that of the logits in float32; PyTorch is the judge."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy as torch_cross_entropy

from pellucid.kernels import FAST, whole_cross_entropy
from pellucid.layers import (
    IGNORE,
    REFERENCE,
    Pair,
    absolute_error,
    absolute_error_backward,
    cross_entropy,
    cross_entropy_backward,
    smooth_cross_entropy,
    smooth_cross_entropy_backward,
)

HALVES = {torch.bfloat16: 2**-8, torch.float16: 2**-11}
"""The dtypes, and half a unit in the last place of 1."""

ROWS, WIDTH, VOCAB, SMOOTHING = 40, 16, 300, 0.1


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


TARGETS = torch.randint(VOCAB, (ROWS,), generator=torch.Generator().manual_seed(2))
TARGETS[::7] = IGNORE

LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, float]]] = {
    "cross_entropy": (cross_entropy, cross_entropy_backward, {}),
    "smooth_cross_entropy": (
        smooth_cross_entropy,
        smooth_cross_entropy_backward,
        {"smoothing": SMOOTHING},
    ),
}


def wanted(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
    """PyTorch's loss of these logits taken to float64, and its gradient."""
    exact = logits.detach().double().requires_grad_()
    loss = torch_cross_entropy(exact, targets, ignore_index=IGNORE, label_smoothing=smoothing)
    (gradient,) = torch.autograd.grad(loss, exact)
    return loss.detach(), gradient


def assert_rounded_once(got: Tensor, exact: Tensor, unit: float) -> None:
    """No number is farther off than one rounding to the dtype brings it, and float32's own."""
    allowed = 1.01 * unit * exact.abs() + 1e-6 * exact.abs().max() + torch.finfo(got.dtype).tiny
    assert bool(((got.double() - exact).abs() <= allowed).all())


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_that_of_its_logits_in_float32(name: str, dtype: torch.dtype):
    forward, backward, told = LOSSES[name]
    logits = (4 * normal(ROWS, VOCAB)).to(dtype)
    loss, cache = forward(logits, TARGETS, **told)
    dlogits, _ = backward(1.0, cache)
    exact, gradient = (
        wanted(logits, TARGETS, **told) if not told else wanted(logits, TARGETS, SMOOTHING)
    )
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(exact), rel=1e-6)
    assert dlogits.dtype == dtype
    assert_rounded_once(dlogits, gradient, HALVES[dtype])


@pytest.mark.parametrize("dtype", HALVES)
def test_an_absolute_error_is_summed_in_float32(dtype: torch.dtype):
    x, aim = (100 * normal(ROWS, 50, seed=seed).to(dtype) for seed in (0, 1))
    loss, cache = absolute_error(x, wanted=aim)
    errors = x.double() - aim.double()
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(errors.abs().sum(-1).mean()), rel=1e-6)
    derrors, _ = absolute_error_backward(1.0, cache)
    assert derrors.dtype == dtype
    assert_rounded_once(derrors, errors.sign() / ROWS, HALVES[dtype])


HEADS = {
    "reference": (REFERENCE.linear_cross_entropy, {}),
    "reference, smoothing": (REFERENCE.linear_smooth_cross_entropy, {"smoothing": SMOOTHING}),
    "chunks": (FAST.linear_cross_entropy, {}),
    "chunks, smoothing": (FAST.linear_smooth_cross_entropy, {"smoothing": SMOOTHING}),
    "whole": (
        Pair(
            whole_cross_entropy.linear_cross_entropy,
            whole_cross_entropy.linear_cross_entropy_backward,
        ),
        {},
    ),
}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("label", HEADS)
def test_a_head_has_the_loss_of_its_logits_in_float32(label: str, dtype: torch.dtype):
    pair, told = HEADS[label]
    x, weight = normal(ROWS, WIDTH).to(dtype), normal(VOCAB, WIDTH, seed=1).to(dtype)
    loss, cache = pair.forward(x, TARGETS, weight=weight, **told)
    dx, grads = pair.backward(1.0, cache)
    exact, dlogits = wanted(x @ weight.mT, TARGETS, SMOOTHING if told else 0.0)
    assert loss.dtype == torch.float32
    # How far the target leads is found by the chunks from the weights, not from rounded logits.
    assert float(loss) == pytest.approx(float(exact), abs=1e-3 if told else 1e-5)
    gradients = {
        "x": (dx, dlogits @ weight.double()),
        "w": (grads["weight"], dlogits.mT @ x.double()),
    }
    for got, right in gradients.values():
        assert got.dtype == dtype
        assert float((got.double() - right).abs().max()) <= 4 * HALVES[dtype] * float(
            right.abs().max()
        )


@pytest.mark.parametrize("label", HEADS)
def test_a_sum_over_a_large_vocabulary_does_not_overflow_in_float16(label: str):
    pair, told = HEADS[label]
    x, weight = torch.zeros(2, 4).half(), torch.zeros(70_000, 4).half()
    loss, _ = pair.forward(x, torch.tensor([3, 5]), weight=weight, **told)
    assert float(loss) == pytest.approx(float(torch.tensor(70_000.0).log()), rel=1e-6)
