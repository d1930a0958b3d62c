"""The enclosures of a certificate: exact whole numbers around the balls, narrow to the end."""

import math
import sys
from fractions import Fraction

import pytest
import torch
from flint import arb

from pellucid.layers import softmax
from pellucid.models import GPT, GPTConfig
from pellucid.numbers import Ball, precision
from pellucid.prove.chained import chained
from pellucid.prove.dyadic import ROOM, Dyadic, widened
from pellucid.tape import Tape
from tests.prove.recorded_models import random_params


def ends(found: Dyadic, place: int) -> tuple[Fraction, Fraction]:
    middle, radius = found.midpoints[place], found.radii[place]
    assert middle is not None
    unit = Fraction(2) ** found.exponent
    return (middle - radius) * unit, (middle + radius) * unit


def test_an_enclosure_is_around_its_ball_and_some_times_wider() -> None:
    ball = Ball.exact(torch.tensor([1.0, -4e9, 3e-7], dtype=torch.float64)) / 3
    numbers = ball.numbers.tolist()
    found = widened(ball)
    assert found is not None
    widest = max(Fraction(float(x.rad())) for x in numbers)
    for place, x in enumerate(numbers):
        low, high = ends(found, place)
        with precision(400):
            assert arb(low.numerator) / low.denominator < x < arb(high.numerator) / high.denominator
        assert ROOM * widest <= (high - low) / 2 <= 1.2 * ROOM * widest
    assert len(set(found.radii)) == 1
    assert found.texts["radii"] == f"{found.radii[0]:x}"


def test_the_array_becomes_its_enclosure() -> None:
    ball = Ball.exact(torch.tensor([1.0])) / 3
    found = widened(ball)
    assert found is not None
    (x,) = ball.numbers.tolist()
    with precision(400):
        assert x.mid() == arb((found.midpoints[0], found.exponent))
        assert x.rad() >= arb((found.radii[0], found.exponent))


@pytest.mark.parametrize("least", [5e-324, 1e-300, 0.1])
def test_exact_numbers_stay_exact(least: float) -> None:
    values = torch.tensor([0.0, 1.5, -least, 1e6], dtype=torch.float64)
    found = widened(Ball.exact(values))
    assert found is not None
    assert found.radii == [0, 0, 0, 0]
    for place, value in enumerate(values.tolist()):
        assert ends(found, place) == (Fraction(value), Fraction(value))


def test_an_exact_number_among_others_stays_exact_where_the_unit_can_express_it() -> None:
    third = Ball.exact(torch.tensor([1.0, 0.0, 0.5])) * (Ball.exact(torch.tensor([1.0, 1, 3])) / 3)
    found = widened(third)
    assert found is not None
    assert found.radii[1] == 0 < found.radii[0]
    assert found.texts["radii"].split()[1] == "0"


def test_a_hidden_score_is_minus_infinity_and_what_has_no_bound_is_left_out() -> None:
    hidden = widened(Ball.exact(torch.tensor([1.0, -math.inf])))
    assert hidden is not None
    assert hidden.texts["midpoints"].split()[1] == "-inf"
    assert widened(Ball.exact(torch.tensor([1.0, math.nan]))) is None
    tape = Tape()
    softmax(torch.tensor([0.0, math.nan]), tape=tape.at("att"))
    assert chained(tape) == ({}, set())


def test_enclosures_of_a_deep_model_are_narrow_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["pellucid.prove.chained"], "FIRST", 64)
    config = GPTConfig(vocab_size=7, block_size=6, n_layer=6, n_head=2, n_embd=4)
    tape = Tape()
    GPT(config, random_params(config)).loss_and_grads([3, 1, 4], [1, 4, 5], tape)
    found, _ = chained(tape)
    assert len(found) > 300
    for name, own in found.items():
        largest = float(tape[name].abs().max())
        assert own.within(largest * 2.0**-52 / 1000), name
