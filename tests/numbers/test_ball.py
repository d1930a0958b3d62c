"""Balls enclose: every method against tensors, exact fractions and decimals, and by chance."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import ProofError
from pellucid.numbers import Ball, arrays, decimal_ends, distance, is_finite, precision, products
from tests.numbers.examples import EXACT, MASK, X, Y

TENTH = "0.1000000000000000055511151231257827021181583404541015625"
DEEP = torch.arange(24, dtype=torch.float64).reshape(2, 3, 4) / 8


def floats(ball: Ball) -> torch.Tensor:
    return torch.tensor([float(x) for x in ball.numbers.flat], dtype=torch.float64).reshape(
        ball.shape
    )


def radius(x: arb) -> float:
    return 0.0 if x.is_exact() else float(x.rad())


def fraction(x: arb) -> tuple[Fraction, Fraction]:
    low, high = decimal_ends(x)
    return Fraction(low), Fraction(high)


@pytest.mark.parametrize("name", EXACT)
def test_what_floats_compute_exactly_balls_do_too(name: str):
    expected = EXACT[name](X, Y)
    got = EXACT[name](Ball.exact(X), Ball.exact(Y))
    assert (got.shape, got.dim(), got.numel()) == (
        expected.shape,
        expected.dim(),
        expected.numel(),
    )
    assert torch.equal(floats(got), expected)
    if "rsqrt" not in name:  # arb divides and roots by a general method, which may leave a radius
        assert max(map(radius, got.numbers.flat)) == 0


@pytest.fixture(params=[0, products.WORTH], ids=["slices", "arb_mat"])
def packing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat arrays of more than two numbers as large: packed, and made piece by piece."""
    monkeypatch.setattr(products, "WORTH", request.param)
    monkeypatch.setattr(arrays, "LARGE", 2)
    monkeypatch.setattr(products, "PIECE", 2)
    monkeypatch.setattr(arrays, "BREATH", 2)
    monkeypatch.setattr(products, "WEIGHTS", 3)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.usefixtures("packing")
def test_what_is_packed_is_the_same(name: str):
    expected = EXACT[name](X, Y)
    got = EXACT[name](Ball.exact(X), Ball.exact(Y))
    assert torch.equal(floats(got), expected)
    if "rsqrt" not in name:
        assert got.packed["radius"].max() == 0


@pytest.mark.usefixtures("packing")
def test_packed_balls_hold_those_that_are_not(monkeypatch: pytest.MonkeyPatch):
    def run(x: Ball) -> Ball:
        weights = (x @ x.mT / 3).exp()
        return (weights / weights.sum(-1, keepdim=True)).tanh() @ x.square() - 0.1

    with precision(200):
        packed = run(Ball.exact(DEEP[0] / 3))
        assert packed.kept.dtype == arrays.PACKED
        monkeypatch.setattr(arrays, "LARGE", 100)
        fine = run(Ball.exact(DEEP[0] / 3))
        assert fine.kept.dtype == object
        for wide, narrow in zip(packed.numbers.flat, fine.numbers.flat, strict=True):
            assert wide.contains(narrow)
            assert 0 < radius(wide) < 1e-30
            assert radius(narrow) < 1e-55


def test_packing_keeps_what_has_no_bound_and_what_is_infinite():
    numbers = Ball([arb(-math.inf), arb.nan(), arb(0, math.inf), arb(1) / 3, arb("1e400"), arb(0)])
    packed = numbers.packed
    assert packed["high"][0] == -math.inf
    assert packed["radius"].tolist()[:3] == [0.0, math.inf, math.inf]
    assert packed["radius"][4] == math.inf
    assert tuple(packed[5]) == (0.0, 0.0, 0.0)
    for x, again in zip(numbers.numbers, Ball(packed).numbers, strict=True):
        assert x.is_nan() or again.is_nan() or again.contains(x) or x == again


def test_exact_floats_take_no_room_of_their_own():
    table = torch.randn(50, 4)
    ball = Ball.exact(table)
    assert np.shares_memory(ball.mT[:2].kept, table.numpy())
    halved = Ball.exact(table.bfloat16())
    assert torch.equal(floats(halved).bfloat16(), table.bfloat16())


def test_shapes_of_more_axes_are_a_tensor_s():
    ball = Ball.exact(DEEP)
    assert ball.shape == DEEP.shape
    for change in (
        lambda x: x.flatten(0, -2),
        lambda x: x.flatten(-2),
        lambda x: x.transpose(-3, -2),
        lambda x: x.mT,
        lambda x: x @ x.mT,
        lambda x: x @ x[0].mT,
        lambda x: x.reshape(2, 3, 2, -1).transpose(-3, -2),
        lambda x: x[:, 1],
        lambda x: x.mean(-1, keepdim=True),
        lambda x: x.flatten(0, -2).sum(0),
    ):
        assert torch.equal(floats(change(ball)), change(DEEP))


def by_decimal(name: str, x: Decimal) -> Decimal:
    """The function by Python's decimals, which know exp, ln and sqrt, with 60 digits."""
    match name:
        case "exp":
            return x.exp()
        case "log":
            return x.ln()
        case "sqrt":
            return x.sqrt()
        case "rsqrt":
            return 1 / x.sqrt()
        case "tanh":
            return ((2 * x).exp() - 1) / ((2 * x).exp() + 1)
    # erf(x) = 2/√π Σ (-1)ⁿ x²ⁿ⁺¹ / (n! (2n+1))
    terms = ((-1) ** n * x ** (2 * n + 1) / (math.factorial(n) * (2 * n + 1)) for n in range(200))
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
    return 2 * sum(terms) / pi.sqrt()


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "rsqrt", "tanh", "erf"])
@pytest.mark.parametrize("value", [0.1, 0.5, 1.0, 2.75])
def test_functions_enclose_what_decimals_say(name: str, value: float):
    with precision(96), localcontext() as context:
        context.prec = 80
        (x,) = getattr(Ball.exact(torch.tensor([value], dtype=torch.float64)), name)().numbers
        low, high = decimal_ends(x)
        assert low - Decimal("1e-55") <= by_decimal(name, Decimal(value)) <= high + Decimal("1e-55")
        assert high - low < Decimal("1e-26")


def test_float32_is_taken_as_it_is():
    ball = Ball.exact(torch.tensor([0.1], dtype=torch.float32))
    assert ball.dtype == torch.float32
    assert fraction(ball.numbers[0]) == (Fraction(13421773, 134217728),) * 2
    assert (0.5 * ball).dtype == torch.float32
    assert fraction((ball * 0 + 0.1).numbers[0]) == (Fraction(0.1), Fraction(0.1))


# -- containment -----------------------------------------------------------------------------------

numbers = st.fractions(min_value=-8, max_value=8, max_denominator=50)


def around(values: list[Fraction], widths: list[Fraction]) -> Ball:
    """Balls that hold these numbers, anywhere in them."""
    balls = [
        arb(arb(v.numerator) / v.denominator, abs(arb(w.numerator) / w.denominator))
        + arb(w.numerator) / w.denominator / 2
        for v, w in zip(values, widths, strict=True)
    ]
    ball = Ball(balls).reshape(2, 2)
    for x, value in zip(ball.numbers.flat, values, strict=True):
        assert x.contains(arb(value.numerator) / value.denominator)
    return ball


four = st.lists(numbers, min_size=4, max_size=4)


@settings(deadline=None)
@given(four, four, four, four)
def test_balls_hold_what_fractions_make_of_any_number_in_them(
    a: list[Fraction], b: list[Fraction], wide: list[Fraction], broad: list[Fraction]
):
    with precision(64):
        x, y = around(a, wide), around(b, broad)
        expected = {
            "sum": [p + q for p, q in zip(a, b, strict=True)],
            "difference": [p - q for p, q in zip(a, b, strict=True)],
            "product": [p * q for p, q in zip(a, b, strict=True)],
            "square": [p * p for p in a],
            "abs": [abs(p) for p in a],
            "clamp": [max(p, 0) for p in a],
            "matmul": [
                a[2 * i] * b[j] + a[2 * i + 1] * b[2 + j] for i in range(2) for j in range(2)
            ],
            "total": [sum(a)],
            "mean": [(a[0] + a[1]) / 2, (a[2] + a[3]) / 2],
        }
        got = {
            "sum": x + y,
            "difference": x - y,
            "product": x * y,
            "square": x.square(),
            "abs": x.abs(),
            "clamp": x.clamp(min=0),
            "matmul": x @ y,
            "total": x.sum(),
            "mean": x.mean(-1),
        }
        for name, values in expected.items():
            for ball, value in zip(got[name].numbers.flat, values, strict=True):
                low, high = fraction(ball)
                assert low <= value <= high, name


# -- what lies around zero -------------------------------------------------------------------------


@settings(deadline=None)
@given(st.floats(-1, 1), st.floats(1, 1e6))
def test_a_square_is_not_below_zero_and_has_a_root(middle: float, width: float):
    square = Ball([arb(middle, width * 1e-20)]).square()
    low, high = decimal_ends(square.numbers[0])
    assert 0 <= low <= high
    root = square.sqrt().numbers[0]
    assert is_finite(root)
    assert root.contains(abs(arb(middle)))


def test_a_root_forgives_a_ball_that_reaches_below_zero_and_nothing_that_is_below():
    root = Ball([arb(0, 1e-30)]).sqrt().numbers[0]
    assert is_finite(root)
    assert root.contains(0)
    assert root.contains(arb(1e-31).sqrt())
    with pytest.raises(ProofError, match="not negative"):
        Ball([arb(-1)]).sqrt()


@pytest.mark.parametrize("ask", [lambda x: x > 0, lambda x: x.sign(), lambda x: x > 2.0**-70])
def test_a_comparison_that_a_ball_leaves_open_is_an_error_that_says_so(ask: Any):
    around_zero = Ball([arb(0, 1e-9)])
    with pytest.raises(ProofError, match=r"more bits than 53"):
        ask(around_zero)


def test_zero_itself_is_decided():
    zero = Ball.exact(torch.zeros(1))
    assert floats(zero > 0).item() == floats(zero.sign()).item() == 0


def test_minus_infinity_has_the_exponential_zero():
    ball = Ball.exact(X).masked_fill(MASK, -math.inf)
    shifted = ball - ball.amax(-1, keepdim=True)
    assert torch.equal(floats(shifted.exp()) == 0, MASK)


# -- reading ---------------------------------------------------------------------------------------


def test_ends_are_exact_decimals():
    assert decimal_ends(arb(0.1)) == (Decimal(TENTH),) * 2
    assert decimal_ends(arb(3) * 2**100) == (Decimal(3 * 2**100),) * 2
    with precision(200):
        low, high = decimal_ends(arb(1) / 3)
        assert Fraction(low) < Fraction(1, 3) < Fraction(high)
    assert all(end.is_nan() or end.is_infinite() for end in decimal_ends(arb.nan()))


def test_distances_and_radii():
    with precision(96):
        third = arb(1) / 3
        assert abs(distance(third, 1 / 3) - 1 / 54043195528445952) < 1e-20
        assert 0 < radius(third) < 1e-27
    assert (distance(arb(-math.inf), -math.inf), distance(arb(1), math.inf)) == (0, math.inf)
    assert radius(arb(-math.inf)) == 0
    assert radius(arb(0, math.inf)) == math.inf


def test_a_function_that_no_layer_uses_is_refused():
    with pytest.raises(ProofError, match=r"torch\.sin is none"):
        torch.sin(Ball.exact(X))


# -- far beyond floats -----------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
def test_ends_beyond_all_floats_are_moved_outwards(sign: int):
    far, near = arb(2) ** (10**9), arb(2) ** -(10**9)
    low, high = decimal_ends(sign * far)
    assert (low, high) == ((2**1200, math.inf) if sign > 0 else (-math.inf, -(2**1200)))
    low, high = decimal_ends(sign * near)
    least = Fraction(1, 2**1200)
    assert (Fraction(low), Fraction(high)) == ((0, least) if sign > 0 else (-least, 0))


@pytest.mark.parametrize("power", [-1074, -1199, 1023, 1199])
def test_ends_that_floats_reach_are_exact(power: int):
    x = 3 * arb(2) ** (power - 1)
    expected = Fraction(3) * Fraction(2) ** (power - 1)
    assert fraction(x) == (expected, expected)
    assert fraction(-x) == (-expected, -expected)


def test_what_is_made_of_no_number_is_none():
    none = Ball([arb.nan()])
    made = (none > 0, none.sign(), none.sqrt(), none.exp(), none.clamp(min=0.0), none.square())
    for ball in made:
        assert ball.numbers[0].is_nan()
