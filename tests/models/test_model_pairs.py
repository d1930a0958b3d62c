"""Every pair of `pellucid.models`, backward against forward: by autograd and by differences."""

import pytest

from pellucid import models
from pellucid.layers import Pair
from tests.judge import Example, judge_by_autograd, judge_by_difference, pairs
from tests.models import (
    classifier_examples,
    examples,
    next_token_examples,
    transformer_examples,
)

EXAMPLES = examples.EXAMPLES | transformer_examples.EXAMPLES | next_token_examples.EXAMPLES
EXAMPLES |= classifier_examples.EXAMPLES
PAIRS = pairs(models)
CASES = [
    pytest.param(pair, example, id=f"{name}: {label}")
    for name, pair in PAIRS.items()
    for label, example in EXAMPLES.get(name, {}).items()
]


def test_every_pair_has_an_example():
    assert sorted(PAIRS) == sorted(EXAMPLES)


@pytest.mark.parametrize(("pair", "example"), CASES)
def test_backward_is_the_gradient_by_autograd(pair: Pair, example: Example):
    judge_by_autograd(pair, example)


@pytest.mark.parametrize(("pair", "example"), CASES)
def test_backward_is_the_slope_by_finite_differences(pair: Pair, example: Example):
    judge_by_difference(pair, example)
