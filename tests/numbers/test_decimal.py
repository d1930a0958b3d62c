"""Terms from figures: exact up to the one rounding, which is half up."""

import math
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.numbers import OPERATIONS, Term, apply, figures, number, shortest
from pellucid.numbers.decimal import _COMPUTE
from pellucid.numbers.term import leaf

SAMPLES: dict[str, tuple[float, ...]] = {
    "sum": (0.5, -0.25, 1.5),
    "max": (0.5, -0.25, 1.5),
    "pow": (0.9, 3),
    **dict.fromkeys(("add", "sub", "mul", "div", "above", "below"), (0.75, -0.4)),
    **dict.fromkeys(("equal", "unequal"), (2, 2)),
    **dict.fromkeys(("and", "at", "if", "unless"), (True, False)),
}


def fixed(places: int):
    return lambda _: f"{{:.{places}f}}".format


def test_every_operation_computes_what_it_does_on_floats():
    assert set(_COMPUTE) == set(OPERATIONS)
    for name in OPERATIONS:
        for values in (SAMPLES.get(name, (0.75,)), SAMPLES.get(name, (2.5,))):
            term = apply(name, *map(number, values))
            (found,) = figures([term], fixed(12))
            assert found == pytest.approx(float(term.value), rel=1e-11), name


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**4), st.integers(0, 5))
def test_a_quotient_is_rounded_half_away_from_zero(up: int, down: int, places: int):
    term = apply("div", number(up), number(down))
    (found,) = figures([term], fixed(places))
    exact = Fraction(up, down) * 10**places
    units = math.floor(abs(exact) + Fraction(1, 2))
    assert found == float(f"{'-' if exact < 0 and units else ''}{units}e-{places}")


@given(st.decimals(-100, 100, places=5))
def test_a_tie_goes_up_where_floats_would_not_see_it(value: Decimal):
    (found,) = figures([number(float(value))], fixed(4))
    assert found == float(value.quantize(Decimal("0.0001"), ROUND_HALF_UP))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("exp", 0.0, 1.0),
        ("log", 1.0, 0.0),
        ("sqrt", 0.0625, 0.25),
        ("rsqrt", 0.0625, 4.0),
        ("exp", -math.inf, 0.0),
        ("exp", -1e10, 0.0),
        ("tanh", 1e6, 1.0),
    ],
)
def test_what_is_rational_is_exact_and_what_is_tiny_is_zero(
    name: str, value: float, expected: float
):
    term = apply("mul", number(0.00005), apply(name, leaf(value, "x", None)))
    (found,) = figures([term], fixed(4))
    assert found == float(
        (Decimal("0.00005") * Decimal(expected)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    )


def test_an_operand_with_a_name_counts_by_its_figure():
    inner = apply("div", number(1.0), number(3.0))
    outer = apply("mul", inner, number(3.0))
    assert figures([outer], fixed(4)) == [1.0]
    inner.name, inner.value = "third", 0.3333
    assert figures([outer], fixed(4)) == [0.9999]


def test_a_constant_is_the_decimal_that_stands_in_the_code():
    term = apply("mul", number(0.1), number(0.5))
    assert figures([term], fixed(1)) == [0.1], "0.05 is halfway, though the float is not"


def test_decimals_are_those_of_the_rounded_figures():
    def written(values: torch.Tensor):
        return f"{{:.{4 if values.max() >= 0.1 else 5}f}}".format

    terms: list[Term] = [number(0.0999996), number(0.012345)]
    assert figures(terms, written) == [0.1, 0.0123]
    assert figures(terms[1:], written) == [0.01235]


def test_infinities_and_what_is_no_number_stay():
    found = figures([number(-math.inf), number(math.nan), number(0.5)], fixed(1))
    assert found[0] == -math.inf
    assert math.isnan(found[1])
    assert found[2] == 0.5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((2, "2"), (1.0, "1"), (0.044715, "0.044715"), (1e-8, "1e-08"), (-0.5, "-0.5")),
        *((True, "true"), (False, "false"), (-math.inf, "-∞"), (math.inf, "∞")),
    ],
)
def test_a_constant_is_written_with_all_its_digits(value: float, text: str):
    assert shortest(value) == text


def test_what_rounds_to_zero_has_no_sign():
    (found,) = figures([apply("mul", number(-0.5), number(0.00005))], fixed(4))
    assert math.copysign(1, found) == 1


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        *(("above", (2.0, 2.0), 0), ("above", (3.0, 2.0), 1), ("above", (1.0, 2.0), 0)),
        *(("below", (2.0, 2.0), 0), ("below", (1.0, 2.0), 1), ("below", (3.0, 2.0), 0)),
        *(("sign", (0.0,), 0), ("sign", (-3.0,), -1), ("sign", (0.25,), 1)),
        *(("sign", (math.nan,), math.nan), ("max", (1.0, math.nan, 2.0), math.nan)),
        *(("max", (math.nan, 1.0), math.nan), ("max", (1.0, 2.0), 2), ("max", (-1.0, 0.0), 0)),
    ],
)
def test_comparisons_decide_as_pytorch_does(name: str, values: tuple[float, ...], expected: float):
    (found,) = figures([apply(name, *map(number, values))], fixed(1))
    assert found == expected or (math.isnan(found) and math.isnan(expected))
    assert apply(name, *map(number, values)).value == pytest.approx(expected, nan_ok=True)


def test_what_no_float_can_be_is_infinite_and_a_large_power_is_no_fraction():
    large = apply("mul", number(1e308), number(1e308))
    assert figures([large, apply("neg", large)], fixed(1)) == [math.inf, -math.inf]
    decay = apply("pow", leaf(0.999, "beta", None), number(10_000_000))
    assert figures([apply("sub", number(1), decay)], fixed(4)) == [1.0]


def test_nan_is_written_as_everywhere():
    assert shortest(math.nan) == "NaN"
