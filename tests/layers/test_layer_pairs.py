"""Every pair of `pellucid.layers`, backward against forward: by autograd and by differences."""

import pytest
import torch

from pellucid import layers
from pellucid.layers import Pair
from tests.judge import Example, as_written, judge_by_autograd, judge_by_difference, leaves, pairs
from tests.layers.examples import EXAMPLES

PAIRS = pairs(layers)
CASES = [
    pytest.param(pair, example, id=f"{name}: {label}")
    for name, pair in PAIRS.items()
    for label, example in EXAMPLES.get(name, {}).items()
]


def test_every_pair_has_an_example():
    assert sorted(PAIRS) == sorted(EXAMPLES)


def test_every_pair_is_exported():
    assert {name for pair in PAIRS for name in (pair, f"{pair}_backward")} <= set(layers.__all__)


@pytest.mark.parametrize(("pair", "example"), CASES)
def test_backward_is_the_gradient_by_autograd(pair: Pair, example: Example):
    judge_by_autograd(pair, example)


@pytest.mark.parametrize(("pair", "example"), CASES)
def test_backward_is_the_slope_by_finite_differences(pair: Pair, example: Example):
    judge_by_difference(pair, example)


@pytest.mark.parametrize(("pair", "example"), CASES)
def test_a_pair_is_pure(pair: Pair, example: Example):
    before = {name: leaf.clone() for name, leaf in leaves(example).items()}
    first, grads = as_written(pair, example)
    again, grads_again = as_written(pair, example)
    assert torch.equal(first, again)
    assert all(torch.equal(grads[name], grads_again[name]) for name in grads)
    assert all(torch.equal(leaf, before[name]) for name, leaf in leaves(example).items())
