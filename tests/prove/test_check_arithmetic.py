"""The checker's own arithmetic beside Arb's: every error that its comments state."""

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.numbers import precision
from tests.prove import certificates
from tests.prove.certificates import EQUATIONS, INTERVALS

OURS: Any = certificates.FUNCTIONS
RULE: Any = certificates.CHAIN_RULE

FUNCTIONS: dict[str, tuple[Callable[[int, int], int], Callable[[Any], Any]]] = {
    "exp": (OURS.exp, arb.exp),
    "log": (OURS.log, arb.log),
    "cos": (lambda x, p: OURS.cos_sin(x, p)[0], arb.cos),
    "sin": (lambda x, p: OURS.cos_sin(x, p)[1], arb.sin),
    "erf": (OURS.erf, arb.erf),
    "sigmoid": (OURS.sigmoid, lambda x: 1 / (1 + (-x).exp())),
}


def numbers(name: str) -> Iterator[tuple[int, int]]:
    """Numbers x · 2^-p, small and large, with precisions that certificates have."""
    draw = random.Random(name)
    wide = (30, 100) if name in {"cos", "sin", "log"} else ()
    for p in (64, 65, 100, 256, 611, 1500):
        for size in (-p, -60, -8, -2, -1, 0, 1, 3, 5, 8, *wide):
            for _ in range(4):
                x = draw.getrandbits(max(1, p + size)) | 1
                yield (x if name == "log" or draw.random() < 0.5 else -x), p
        yield 1 << p, p
        if name != "log":
            yield 0, p


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_off_by_less_than_it_says(name: str) -> None:
    ours, theirs = FUNCTIONS[name]
    worst = 0.0
    for x, p in numbers(name):
        with precision(3 * p + 800):
            off = arb(ours(x, p)) - theirs(arb((x, -p))) * arb(2) ** p
            assert abs(off) < (4 if name == "erf" else 2), (x, p)
            worst = max(worst, abs(float(off)))
    assert worst > 0.1  # what is compared is no constant


@pytest.mark.parametrize(("name", "theirs"), [("pi", arb.pi), ("ln2", arb.const_log2)])
def test_constants(name: str, theirs: Callable[[], Any]) -> None:
    for bits in (64, 65, 127, 500, 1000, 4000):
        with precision(bits + 64):
            assert abs(arb(getattr(OURS, name)(bits)) - theirs() * arb(2) ** bits) < 2


UNARY: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "exp": (RULE.e_to, arb.exp),
    "tanh": (RULE.tanh, arb.tanh),
    "sigmoid": (RULE.sigmoid, FUNCTIONS["sigmoid"][1]),
    "cosine": (RULE.cosine, arb.cos),
    "sine": (RULE.sine, arb.sin),
    "square": (RULE.square, lambda x: x * x),
    "relu": (lambda x: RULE.pieces(x, 0, 1), lambda x: max(x, arb(0))),
    "abs": (lambda x: RULE.pieces(x, -1, 1), abs),
    "sqrt": (lambda x: RULE.sqrt(RULE.square(x)), lambda x: (x * x).sqrt()),
    "length": (
        lambda x: RULE.sqrt(RULE.square(x) + 0.5),
        lambda x: (x * x + 0.5).sqrt(),
    ),
    "inverse": (
        lambda x: RULE.reciprocal(RULE.square(x) + 0.5),
        lambda x: 1 / (x * x + 0.5),
    ),
    "log": (lambda x: RULE.ln(RULE.square(x) + 0.5), lambda x: (x * x + 0.5).log()),
    "scaled": (lambda x: x * Fraction(2, 7), lambda x: x * 2 / 7),
    "phi": (
        lambda x: EQUATIONS.gelu_erf(lambda _: x)["out"],
        lambda x: x * (1 + (x / arb(2**0.5)).erf()) / 2,
    ),
}


@pytest.mark.parametrize("name", UNARY)
@settings(max_examples=40, deadline=None)
@given(
    m=st.integers(-(1 << 70), 1 << 70),
    r=st.one_of(st.just(0), st.integers(0, 1 << 20), st.integers(0, 1 << 62)),
    bits=st.integers(64, 200),
    share=st.integers(-64, 64),
)
def test_a_function_of_an_interval_holds_that_of_each_of_its_numbers(
    name: str, m: int, r: int, bits: int, share: int
) -> None:
    holds(name, m, r, bits, share)


@pytest.mark.parametrize("name", UNARY)
def test_also_where_a_slope_is_0_and_for_wide_intervals_to_their_ends(name: str) -> None:
    one = 1 << 64
    middles = (0, 1, -1, one >> 20, -(one >> 2), one // 3, -one, 3 * one, -(22 * one) // 7)
    for m in middles:
        for r in (0, 1, 1 << 30, 1 << 50, 1 << 60, 1 << 62):
            for share in (-64, -63, 0, 64):
                holds(name, m, r, 64, share)
                holds(name, m, r, 150, share)


def holds(name: str, m: int, r: int, bits: int, share: int) -> None:
    """The function of one number of an interval lies in the function of the interval."""
    ours, theirs = UNARY[name]
    INTERVALS.Precision.bits = bits
    out = ours(RULE.Value(INTERVALS.Array((1,), [m], [r], -64))).array
    with precision(1500):
        true = theirs(arb((m * 64 + share * r, -70)))
        low, high = arb((out.m[0] - out.r[0], out.e)), arb((out.m[0] + out.r[0], out.e))
        assert not true < low  # certainly below, for the ball of the true number is not a point
        assert not true > high


@settings(max_examples=60, deadline=None)
@given(data=st.data(), mixed=st.booleans())
def test_a_product_of_matrices_holds_that_of_each_of_their_numbers(data: Any, mixed: bool) -> None:
    INTERVALS.Precision.bits = data.draw(st.integers(64, 90))
    n, k, m = (data.draw(st.integers(1, 3)) for _ in range(3))
    ends = st.integers(-(1 << 40), 1 << 40)

    def array(rows: int, columns: int) -> Any:
        count = rows * columns
        radii = [data.draw(st.integers(0, 1 << 12))] * count
        if mixed:
            radii = data.draw(st.lists(st.integers(0, 1 << 12), min_size=count, max_size=count))
        middles = data.draw(st.lists(ends, min_size=count, max_size=count))
        return INTERVALS.Array((1, rows, columns), middles, radii, -40)

    x, y = array(n, k), array(k, m)
    out = INTERVALS.matrix(x, y, (1, n, k, m))
    signs = [data.draw(st.sampled_from((-1, 0, 1))) for _ in range(n * k + k * m)]
    left = [a + s * r for a, s, r in zip(x.m, signs, x.r, strict=False)]
    right = [a + s * r for a, s, r in zip(y.m, signs[n * k :], y.r, strict=True)]
    for i in range(n):
        for j in range(m):
            true = Fraction(sum(left[i * k + c] * right[c * m + j] for c in range(k)), 1 << 80)
            place = i * m + j
            unit = Fraction(2) ** out.e
            assert abs(true - out.m[place] * unit) <= out.r[place] * unit


@pytest.mark.parametrize(
    ("m", "r", "relu", "length"),
    [
        (3, 1, (1, 1), (1, 1)),
        (-3, 1, (0, 0), (-1, -1)),
        (0, 0, (0, 0), (0, 0)),
        (1, 2, (0, 1), (-1, 1)),
        (2, 2, (0, 1), (0, 1)),
        (-2, 2, (0, 0), (-1, 0)),
    ],
)
def test_at_a_corner_the_slope_is_every_slope_there_and_0(
    m: int, r: int, relu: tuple[int, int], length: tuple[int, int]
) -> None:
    INTERVALS.Precision.bits = 64
    for below, (least, most) in ((0, relu), (-1, length)):
        x = RULE.Value(INTERVALS.Array((1,), [m], [r], -60))
        out = RULE.pieces(x, below, 1)
        slope = RULE.come_back([out], [INTERVALS.constant((1,), 1)])[x]
        ends = Fraction(slope.m[0] - slope.r[0]), Fraction(slope.m[0] + slope.r[0])
        assert [end * Fraction(2) ** slope.e for end in ends] == [least, most]
