"""Steps of models in bfloat16 and float16: moments and step in float32, the weight rounded once."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid import kernels
from pellucid.kernels.update import adamw_pass
from pellucid.optim import adam, adamw, clip_by_global_norm, global_norm, momentum, sgd
from pellucid.optim.step import zeros
from pellucid.tape import Tape
from pellucid.tree import Tree

HALVES = [torch.bfloat16, torch.float16]
RATE = 1e-3

STEPS: dict[str, tuple[Callable[..., Any], Callable[..., torch.optim.Optimizer]]] = {
    "sgd": (sgd, torch.optim.SGD),
    "momentum": (partial(momentum, mu=0.9), partial(torch.optim.SGD, momentum=0.9)),
    "adam": (adam, torch.optim.Adam),
    "adamw": (partial(adamw, weight_decay=0.1), partial(torch.optim.AdamW, weight_decay=0.1)),
    "adamw, kernel": (
        partial(adamw, weight_decay=0.1, rule=kernels.adamw_rule),
        partial(torch.optim.AdamW, weight_decay=0.1),
    ),
}


def gradient(step: int, dtype: torch.dtype) -> Tensor:
    """Gradients of every size, of which the smallest have no square in float16."""
    drawn = torch.randn(64, generator=torch.Generator().manual_seed(step))
    return (drawn * torch.logspace(-6, 0, 64)).to(dtype)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", STEPS)
def test_five_steps_are_float32_s_with_each_weight_rounded_once(name: str, dtype: torch.dtype):
    step, theirs = STEPS[name]
    params: Tree = {"w": torch.linspace(-1, 1, 64).to(dtype)}
    judge = params["w"].float().clone().requires_grad_()
    optimizer, state = theirs([judge], lr=RATE), None
    for count in range(5):
        slope = gradient(count, dtype)
        params, state = step(params, {"w": slope}, state, learning_rate=RATE)
        judge.grad = slope.float()
        optimizer.step()
        rounded = judge.detach().to(dtype)
        # Where float32's own rounding decides, it is the next number of the dtype at most.
        assert (params["w"] == rounded).float().mean() > 0.95
        torch.testing.assert_close(params["w"], rounded, rtol=2**-7, atol=1e-6)
        with torch.no_grad():
            judge.copy_(params["w"])
    assert params["w"].dtype == dtype
    moments = [tree["w"] for key, tree in (state or {}).items() if key != "t"]
    assert {moment.dtype for moment in moments} <= {torch.float32}


def test_a_step_of_adamw_in_float16_is_finite_where_gradients_are_0_or_have_no_square():
    weights, grads = torch.zeros(3).half(), torch.tensor([0.0, 1e-5, 300.0]).half()
    for rule in (None, kernels.adamw_rule):
        told = {} if rule is None else {"rule": rule}
        new, _ = adamw({"w": weights}, {"w": grads}, learning_rate=RATE, **told)
        assert new["w"].tolist() == pytest.approx([0.0, -RATE, -RATE], rel=1e-2)


@pytest.mark.parametrize("dtype", [*HALVES, torch.float32])
def test_the_pass_that_is_compiled_makes_the_same_step(dtype: torch.dtype):
    weight, slope = torch.linspace(-1, 1, 64).to(dtype), gradient(0, dtype)
    m, v = (torch.zeros(64) for _ in range(2))
    corrections = [1 / (1 - beta) for beta in (0.9, 0.999)]
    rates = torch.tensor([RATE, *corrections, 0.1])
    made = adamw_pass(
        weight, slope, m, v, None, torch.tensor(0.5), rates, (0.9, 0.999), 1e-8, False
    )
    assert made is not None
    clipped = {"w": slope.float() * 0.5}
    new, state = adamw({"w": weight}, clipped, learning_rate=RATE, weight_decay=0.1)
    for got, right in zip(made, (new["w"], state["m"]["w"], state["v"]["w"]), strict=True):
        assert got.dtype == right.dtype
        torch.testing.assert_close(got, right, rtol=2 * torch.finfo(got.dtype).eps, atol=1e-7)


def test_a_state_with_moments_in_the_weights_dtype_goes_on():
    """As runs of earlier versions saved it."""
    params = {"w": torch.ones(3).bfloat16()}
    kept = {"m": {"w": torch.ones(3).bfloat16()}, "v": {"w": torch.ones(3).bfloat16()}, "t": 1}
    for rule in (None, kernels.adamw_rule):
        told = {} if rule is None else {"rule": rule}
        _, state = adamw(params, {"w": torch.zeros(3).bfloat16()}, kept, learning_rate=RATE, **told)
        assert state["m"]["w"].tolist() == pytest.approx([0.9] * 3, rel=1e-6)
        assert state["v"]["w"].tolist() == pytest.approx([0.999] * 3, rel=1e-6)
    kept = {"m": kept["m"]}
    _, state = momentum(params, {"w": torch.zeros(3).bfloat16()}, kept, learning_rate=RATE, mu=0.9)
    assert state["m"]["w"].tolist() == pytest.approx([0.9] * 3, rel=1e-6)


@pytest.mark.parametrize("dtype", HALVES)
def test_moments_before_the_first_step_are_in_float32(dtype: torch.dtype):
    assert zeros({"w": torch.ones(2).to(dtype)})["w"].dtype == torch.float32
    tape = Tape()
    grads = {"w": torch.ones(2).to(dtype)}
    adamw({"w": torch.ones(2).to(dtype)}, grads, learning_rate=RATE, tape=tape)
    assert tape["w.m_before"].dtype == tape["w.v_before"].dtype == torch.float32


def test_a_norm_in_float16_neither_overflows_nor_vanishes():
    for size in (1e-4, 300.0):
        grads = {"w": torch.full((4,), size).half()}
        norm = global_norm(grads)
        assert float(norm) == pytest.approx(2 * float(torch.tensor(size).half()), rel=1e-6)
        shortened, before = clip_by_global_norm(grads, float(norm) / 2)
        assert before == norm
        assert float(global_norm(shortened)) == pytest.approx(float(norm) / 2, rel=1e-2)
