"""Affine forms: what a function makes of any point of a box lies where the forms say."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pellucid.errors import ProofError
from pellucid.layers import (
    gelu_erf,
    gelu_tanh,
    intervened,
    layer_norm,
    linear,
    relu,
    rms_norm,
    silu,
    softmax,
    unembedding,
)
from pellucid.numbers import Affine, Ball, new_group, precision

SIZE = (3, 4)
OTHER = torch.linspace(-1.0, 1.5, 16, dtype=torch.float64).reshape(4, 4)
GAIN = torch.tensor([0.5, -1.0, 2.0, 1.0], dtype=torch.float64)
SEEN = torch.ones(3, 3, dtype=torch.bool).tril()
PLACES = torch.tensor([[True], [False], [False]]) | torch.eye(3, 4, dtype=torch.bool)

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "twice": lambda x: x + x,
    "difference": lambda x: 1.0 - x - x * 3,
    "product": lambda x: x * x[:1],
    "square": lambda x: x.square(),
    "quotient": lambda x: x / (x.square() + 0.5),
    "root": lambda x: (x.square() + 0.5).sqrt(),
    "inverse root": lambda x: (x.square() + 0.5).rsqrt(),
    "exp, tanh, erf": lambda x: x.exp() + x.tanh() * x.erf(),
    "sums": lambda x: x.sum(0) + x.mean(-1, keepdim=True) - x.sum(),
    "products of matrices": lambda x: x @ OTHER @ x.mT @ x,
    "a matrix before": lambda x: torch.matmul(OTHER[:3, :3], x),
    "rearranged": lambda x: (
        torch.cat([x[1:], x[:1]], 0).reshape(2, 3, 2).transpose(0, 1).flatten(1)
    ),
    "halves": lambda x: torch.stack(list(x.chunk(2, -1)), 0).unsqueeze(1).squeeze(1)[1],
    "hidden": lambda x: softmax((x @ x.mT).masked_fill(~SEEN, -torch.inf))[0] @ x,
    "set by hand": lambda x: intervened(x, where=PLACES, value=GAIN)[0] * x,
    "kept but for a place": lambda x: torch.where(PLACES, x, 2.0) * x,
    "gathered": lambda x: x.gather(-1, torch.tensor([[0], [3], [1]])),
    "softmax": lambda x: softmax(x)[0],
    "layer norm": lambda x: layer_norm(x, weight=GAIN, bias=GAIN, eps=1e-5)[0],
    "rms norm": lambda x: rms_norm(x, weight=GAIN, eps=1e-5)[0],
    "tanh gelu": lambda x: gelu_tanh(x)[0],
    "erf gelu": lambda x: gelu_erf(x)[0],
    "silu": lambda x: silu(x)[0],
    "relu": lambda x: relu(x)[0],
    "linear": lambda x: linear(x, weight=OTHER, bias=GAIN)[0],
    "unembedding": lambda x: unembedding(x, weight=OTHER)[0],
}


def draw(seed: int) -> tuple[Tensor, Tensor]:
    """The middle of a box, and a point of the box of radius 1: a corner where the seed is even."""
    generator = torch.Generator().manual_seed(seed)
    middle = torch.randn(SIZE, generator=generator, dtype=torch.float64)
    signs = 2 * torch.rand(SIZE, generator=generator, dtype=torch.float64) - 1
    return middle, signs if seed % 2 else signs.sign()


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 30), radius=st.sampled_from([0.0, 1e-12, 1e-6, 1e-3, 0.05, 0.2]))
def test_every_point_of_a_box_lies_where_the_forms_say(name: str, seed: int, radius: float) -> None:
    middle, signs = draw(seed)
    group = new_group()
    with precision(80):
        try:
            form = FUNCTIONS[name](Affine.exact(middle).widened(radius, group))
        except ProofError:  # no bound, of a large box
            assert radius > 0.01
            return
    with precision(300):
        point = Ball.exact(middle) + Ball.exact(signs) * radius
        true = FUNCTIONS[name](point).numbers
        slopes = form.slopes[group].flatten(1).T.tolist()
        places = zip(form.centre.flatten(), form.rest.flatten(), slopes, true.flat, strict=True)
        for centre, rest, own, number in places:
            told = arb(float(centre))
            for slope, sign in zip(own, signs.flatten().tolist(), strict=True):
                told += arb(slope) * arb(sign)
            assert abs(told - number) <= arb(float(rest))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_forms_are_narrow_where_the_box_is_small(name: str) -> None:
    """What is not linear falls with the square of the radius, and rounding is rounding."""
    middle, _ = draw(1)
    with precision(80):
        form = FUNCTIONS[name](Affine.exact(middle).widened(1e-6, new_group()))
    assert float(form.rest.max()) < 1e-9


def test_what_hangs_together_cancels() -> None:
    box = Affine.exact(torch.tensor([1.0, 2.0])).widened(0.5, new_group())
    assert float((box - box).reach.max()) < 1e-14
    other = Affine.exact(torch.tensor([1.0, 2.0])).widened(0.5, new_group())
    assert float((box - other).reach.min()) == pytest.approx(1.0)


def test_a_rest_that_is_renewed_hangs_together_and_is_kept_where_groups_are_dropped() -> None:
    middle, _ = draw(1)
    group = new_group()
    box = Affine.exact(middle).widened(0.1, group)
    with precision(80):
        bent = box.exp()
        renewed = bent.renewed(2)
        again = renewed.tanh().renewed(2)
    assert float((renewed - renewed).reach.max()) < 1e-13
    assert torch.all(renewed.reach >= bent.reach)
    assert next(iter(renewed.slopes)) == next(iter(again.slopes)) == group
    assert len(again.slopes) == 2
    assert not any(group in again.slopes for group in list(renewed.slopes)[1:])
    with precision(80):
        assert torch.all(again.reach >= renewed.tanh().reach)


def test_two_renewals_are_strangers() -> None:
    """Else what two values forgot would cancel, though it has nothing in common."""
    middle, _ = draw(1)
    with precision(80):
        bent = Affine.exact(middle).widened(0.1, new_group()).exp()
    one, two = bent.renewed(3), bent.renewed(3)
    assert float((one - two).reach.min()) == pytest.approx(2 * float(bent.rest.min()), rel=0.5)


def test_an_operation_that_forms_have_not_is_named() -> None:
    box = Affine.exact(torch.ones(2)).widened(0.1, new_group())
    for wrong in (
        *(box.log, lambda: box.clamp(1.0), lambda: box**2.0),
        *(lambda: torch.linalg.norm(box), lambda: torch.cumsum(box, 0)),
    ):
        with pytest.raises(ProofError, match="affine forms"):
            wrong()
    with pytest.raises(ProofError, match="bound"):
        1 / (box - 1)
    assert np.isfinite(box.reach.numpy()).all()
