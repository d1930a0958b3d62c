"""One tensor beside its balls: bounds that are bounds, places, counts, and what proved means."""

import math
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb

from pellucid.documents.numbers import Format
from pellucid.layers import linear
from pellucid.numbers import Ball, precision
from pellucid.prove import Enclosed, Slope, enclose, prove
from pellucid.tape import Tape

KNOWN: dict[str, Any] = {"name": "x", "also": (), "part": "forward", "inside": True}


def enclosed(values: torch.Tensor, true: list[arb]) -> Enclosed:
    with precision(96):
        balls = Ball(np.array(true, dtype=object).reshape(values.shape))
        return enclose(values, balls, Format(values), **KNOWN)


def floats(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def facts(**changed: Any) -> Enclosed:
    figures = {"radius": 0.0, "error": 0.0, "ulps": 0.0, "relative": 0.0, "unit": 2.0**-52}
    counts = {"misprinted": 0, "misprints": (), "undecided": 0, "shape": (1,)}
    return Enclosed(**{**KNOWN, **figures, **counts, **changed})


def test_the_error_is_never_below_the_distance():
    generator = np.random.default_rng(0)
    for place in range(300):
        value, *parts = generator.normal(size=4) * [1, 2.0**-50, 2.0**-58, 2.0**-50]
        off, finer, radius = parts[0], parts[1], abs(parts[2]) * (place % 2)
        with precision(200):
            true = arb(value) + arb(off) + arb(finer) + arb(0, radius)
        found = enclosed(floats(value), [true])
        mantissa, power = map(int, true.mid().man_exp())
        middle = Fraction(mantissa) * Fraction(2) ** power
        assert Fraction(found.error) >= abs(middle - Fraction(value)) + Fraction(float(true.rad()))
        assert found.error <= (abs(off) + abs(finer) + radius) * (1 + 1e-8) + 1e-30


def test_relative_is_to_the_true_number_and_ulps_to_its_exponent():
    found = enclosed(floats(9.0), [arb(8)])
    assert found.error == pytest.approx(1)
    assert found.relative == pytest.approx(1 / 8)
    assert found.ulps == pytest.approx(1 / 2.0**-49)
    small = enclosed(floats(0.5), [arb(1) / 4])
    assert small.relative == pytest.approx(1)


def test_a_true_number_just_below_a_power_of_two_has_the_exponent_below():
    with precision(96):
        below = arb(1) - arb(2) ** -60
    found = enclosed(floats(1 + 2.0**-52), [below])
    assert found.ulps == pytest.approx(2, rel=1e-2), "in units of 2⁻⁵³"
    with precision(96):
        above = arb(1) + arb(2) ** -60
    assert enclosed(floats(1 + 2.0**-52), [above]).ulps == pytest.approx(1, rel=1e-2)


def test_of_a_large_tensor_misprints_have_their_own_places(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["pellucid.prove.enclose"], "AT_ONCE", 4)
    values = torch.arange(12, dtype=torch.float64).reshape(3, 4) + 1 / 3
    true = [arb(value) for value in values.flatten().tolist()]
    true[6] += arb(1)
    found = enclosed(values, true)
    assert [misprint.place for misprint in found.misprints] == [(1, 2)]


def test_so_many_misprints_are_kept_and_all_are_counted():
    values = torch.arange(100, dtype=torch.float64) + 1 / 3
    found = enclosed(values, [arb(value) + 1 for value in values.tolist()])
    assert (found.misprinted, len(found.misprints)) == (100, 64)


def test_a_ball_is_blurred_from_a_quarter_of_the_unit_on():
    assert not facts(radius=2.0**-54).blurred
    assert facts(radius=2.0**-54 * (1 + 1e-9)).blurred
    assert not facts(radius=1.0, unit=None).blurred


def test_what_is_undecided_or_outside_or_no_number_is_not_proved():
    assert facts().proved
    assert not facts(undecided=1).proved
    assert not facts(inside=False).proved
    assert not facts(nans=1).proved
    assert facts(misprinted=1).proved, "which rounding explains"


def test_a_digit_that_some_bits_leave_open_is_decided_by_more():
    """0.03125 is halfway between two decimals; the true sum is 10⁻³³ above it."""
    tape = Tape()
    rows = floats(1.0, 1.0).unsqueeze(1)
    x = torch.tensor([[0.03125, 1e-33], [1 / 3, 0.0]], dtype=torch.float64)
    linear(x, weight=rows, tape=tape)
    proof = prove(tape, written=Format)
    assert proof.proved
    assert proof.bits > 96
    (found,) = [tensor for tensor in proof.tensors if tensor.name == "out"]
    assert [tuple(misprint) for misprint in found.misprints] == [((0, 0), "0.0312", "0.0313")]


def test_equal_numbers_are_not_the_same_tensor():
    tape, x = Tape(), torch.eye(2, dtype=torch.float64)
    linear(x, weight=x, tape=tape.at("one"))
    linear(x.clone(), weight=x.clone(), tape=tape.at("two"))
    proof = prove(tape, written=Format)
    assert all(tensor.also == () for tensor in proof.tensors)
    assert {"one.out", "two.out"} <= {tensor.name for tensor in proof.tensors}


def test_what_is_not_proved_of_one_tensor_is_not_proved_of_the_run():
    tape = Tape()
    linear(torch.ones(1, 2), weight=torch.ones(2, 2), tape=tape)
    proof = prove(tape, written=Format)
    for changed in (facts(undecided=1), facts(inside=False), facts(nans=2)):
        found = type(proof)(**{**vars(proof), "tensors": (*proof.tensors, changed)})
        assert found.failures == ("x",)


@pytest.mark.parametrize(
    ("slope", "apart", "agrees"),
    [
        *((0.1, 0.9e-14, True), (0.1, 2e-14, False), (0.0, 1e-12, False)),
        *((1e3, 0.9e-11, True), (-1e3, 0.9e-11, True), (1e3, 2e-11, False)),
        (1.0, math.inf, False),
    ],
)
def test_a_slope_agrees_to_fourteen_digits(slope: float, apart: float, agrees: bool):
    assert Slope(("w",), slope, slope, apart).agrees == agrees
