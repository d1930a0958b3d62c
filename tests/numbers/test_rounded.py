"""Rounded numbers: they hold what float64 makes, and runs in any dtype are within their bounds."""

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.numbers import Rounded, rounded
from pellucid.numbers.rounded import UNIT
from tests.numbers.examples import EXACT, MASK, X, Y


@pytest.mark.parametrize("name", EXACT)
def test_the_middle_is_what_float64_computes(name: str):
    expected = EXACT[name](X, Y)
    got = EXACT[name](Rounded.exact(X), Rounded.exact(Y))
    assert (got.shape, got.dim(), got.numel()) == (
        expected.shape,
        expected.dim(),
        expected.numel(),
    )
    assert got.dtype == torch.float64
    assert torch.equal(got.middle, expected.double())
    assert got.off.shape == expected.shape
    finite = expected.isfinite()
    assert bool((got.off[finite] <= 40 * UNIT * (1 + expected.double()[finite].abs() * 4)).all())


def chain(x: Any) -> Any:
    scores = (x - x.mean(-1, keepdim=True)) @ x.mT / 3
    weights = (scores - scores.amax(-1, keepdim=True)).exp()
    return (weights / weights.sum(-1, keepdim=True)) @ (0.3 * x).tanh() + x.square().sum()


def functions(x: Any) -> Any:
    positive = x.square() + 0.5
    return positive.log() * positive.rsqrt() + positive.sqrt() / (2 + x.erf()) - x.abs()


values = st.lists(st.floats(-20, 20), min_size=6, max_size=6)


@settings(deadline=None)
@given(
    values,
    st.sampled_from([torch.float64, torch.float32, torch.bfloat16]),
    st.sampled_from([chain, functions]),
)
def test_a_run_is_within_the_bounds(
    numbers: list[float], dtype: torch.dtype, run: Callable[[Any], Any]
):
    x = torch.tensor(numbers, dtype=dtype).reshape(2, 3)
    bounds = run(Rounded.exact(x))
    apart = (run(x).double() - bounds.middle).abs()
    assert bool((apart <= bounds.off + torch.finfo(dtype).tiny).all())


@settings(deadline=None)
@given(values, values, st.lists(st.floats(0, 2), min_size=6, max_size=6))
def test_what_operands_are_off_by_is_passed_on(a: list[float], b: list[float], by: list[float]):
    """Operands at the very end of their bounds give results within theirs."""
    x, y = (
        Rounded(torch.tensor(v, dtype=torch.float64), torch.tensor(by, dtype=torch.float64), dtype)
        for v, dtype in ((a, torch.float64), (b, torch.float64))
    )
    results: dict[str, tuple[Rounded, Callable[..., float]]] = {
        "add": (x + y, lambda p, q: p + q),
        "sub": (x - y, lambda p, q: p - q),
        "mul": (x * y, lambda p, q: p * q),
        "div": (x / y, lambda p, q: p / q if q else math.nan),
        "square": (x.square(), lambda p, _: p * p),
        "exp": (x.exp(), lambda p, _: math.exp(p)),
        "tanh": (x.tanh(), lambda p, _: math.tanh(p)),
        "erf": (x.erf(), lambda p, _: math.erf(p)),
        "abs": (x.abs(), lambda p, _: abs(p)),
        "sqrt": (x.sqrt(), lambda p, _: math.sqrt(max(p, 0))),
        "rsqrt": (x.rsqrt(), lambda p, _: p**-0.5 if p > 0 else math.nan),
        "log": (x.log(), lambda p, _: math.log(p) if p > 0 else math.nan),
        "sign": (x.sign(), lambda p, _: float((p > 0) - (p < 0))),
        "above": (x > y, lambda p, q: float(p > q)),
    }
    for one in (-1, 1):
        for other in (-1, 1):
            for place, reach in enumerate(by):
                p, q = a[place] + one * reach, b[place] + other * reach
                for name, (got, exact) in results.items():
                    value = exact(p, q)
                    off = float(got.off[place])
                    if math.isfinite(value) and off < math.inf:
                        slack = 1e-12 * (abs(value) + 1)
                        assert abs(value - float(got.middle[place])) <= off + slack, name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_product_s_bound_is_that_of_its_own_sums(dtype: torch.dtype):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(3, 512, generator=generator).to(dtype) for _ in range(2))
    bounds = Rounded.exact(x) @ Rounded.exact(y).mT
    apart = ((x @ y.mT).double() - bounds.middle).abs()
    assert float(apart.max()) > 0
    assert bool((apart <= bounds.off).all())
    assert float(bounds.off.max()) <= 600 * torch.finfo(dtype).eps * 512


def test_a_sum_s_bound_holds_whatever_the_order():
    terms = [1.0, 1e-16] * 200
    total = float(sum(map(Fraction, terms), Fraction(0)))
    bounds = Rounded.exact(torch.tensor(terms, dtype=torch.float64)).sum()
    assert abs(sum(terms) - total) <= float(bounds.off)
    assert float(bounds.off) < 1e-10


def test_infinite_scores_are_what_they_are():
    scores = Rounded.exact(X).masked_fill(MASK, -math.inf)
    assert torch.equal(scores.off == 0, torch.ones_like(MASK))
    weights = (scores - scores.amax(-1, keepdim=True)).exp()
    assert torch.equal(weights.middle == 0, MASK)
    assert bool(weights.off.isfinite().all())


def test_what_has_no_bound_is_infinitely_off():
    around_zero = Rounded(torch.zeros(1).double(), torch.ones(1).double(), torch.float64)
    assert float((1 / around_zero).off) == math.inf
    assert float(around_zero.rsqrt().off) == math.inf


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_numbers_that_are_taken_to_another_dtype_are_off_by_one_rounding(dtype: torch.dtype):
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    taken = Rounded.exact(values).to(dtype)
    apart = (values.to(dtype).double() - taken.middle).abs()
    assert taken.dtype == dtype
    assert bool((apart <= taken.off).all())
    assert float(taken.off.max()) <= 1.1 * torch.finfo(dtype).eps / 2 * float(values.abs().max())
    assert taken.to(torch.float32) is taken, "a finer dtype gives back no digits"


# -- the bounds themselves -------------------------------------------------------------------------

F32, BF16 = 2.0**-24 + UNIT, 2.0**-8 + UNIT
"""Half an epsilon, and what float64 rounds in finding the bound."""


def off(made: Rounded) -> list[float]:
    return made.off.flatten().tolist()


def test_an_operation_rounds_by_eight_units_of_what_its_result_may_be():
    x = Rounded.exact(torch.tensor([3.0, -2.0]))
    once = x * 5.0
    assert off(once) == pytest.approx([8 * F32 * 15, 8 * F32 * 10], rel=1e-12)
    twice = once.exp()
    first = math.exp(15) * math.expm1(8 * F32 * 15)
    assert off(twice)[0] == pytest.approx(first + 8 * F32 * (math.exp(15) + first), rel=1e-9, abs=0)
    wide = Rounded(torch.tensor([1.0]).double(), torch.tensor([0.5]).double(), torch.float32)
    assert off(-wide) == [0.5]
    assert off(wide + 0.0) == pytest.approx([0.5 + 8 * F32 * 1.5], rel=1e-12)


@pytest.mark.parametrize("count", [3, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_sum_rounds_by_as_many_units_as_it_has_terms(count: int, dtype: torch.dtype):
    row = Rounded.exact(torch.ones(count, dtype=dtype))
    end = 8 * BF16 * count if dtype == torch.bfloat16 else 0.0
    expected = pytest.approx((count + 8) * F32 * count + end, rel=1e-12)
    assert float(row.sum().off) == expected
    assert off(row.unsqueeze(0) @ row.unsqueeze(1)) == [expected]


@pytest.mark.parametrize("count", [3, 300])
def test_what_is_added_at_places_rounds_by_as_many_units_as_come(count: int):
    start, rows = Rounded.exact(torch.zeros(2, 1)), Rounded.exact(torch.ones(count, 1))
    index = torch.zeros(count, dtype=torch.long)
    for made in (
        start.index_add(0, index, rows),
        start.scatter_add(0, index.unsqueeze(1), rows),
    ):
        assert off(made) == pytest.approx([(count + 8) * F32 * count, 0.0], rel=1e-12)


def test_it_is_exact_only_where_no_number_is_off():
    x = Rounded.exact(torch.ones(2, 2))
    assert x.is_exact
    assert not (x * 3.0).is_exact
    for place in range(3):
        bound = torch.zeros(3, dtype=torch.float64)
        bound[place] = 1e-9
        assert not Rounded(torch.ones(3).double(), bound, torch.float32).is_exact


@pytest.mark.parametrize("operation", ["add", "mul", "truediv", "exp", "scalar", "infinite"])
def test_a_large_array_is_computed_piece_by_piece_to_the_same_numbers(
    monkeypatch: pytest.MonkeyPatch, operation: str
):
    generator = torch.Generator().manual_seed(2)
    one, other = (torch.randn(7, 3, 5, generator=generator).double() for _ in range(2))
    if operation == "infinite":
        one[3, 1, 2] = -math.inf
        one[5, 0, 0] = math.nan
    exact = Rounded.exact(other.float())
    off = Rounded(one, 1e-3 * other.abs(), torch.float32)

    def made() -> Rounded:
        match operation:
            case "exp":
                return off.exp()
            case "scalar" | "infinite":
                return off * 3.0
        return getattr(operator, operation)(off, exact)

    whole = made()
    monkeypatch.setattr(rounded, "PIECE", 20)
    pieces = made()
    torch.testing.assert_close(pieces.middle, whole.middle, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(
        pieces.off.expand(7, 3, 5), whole.off.expand(7, 3, 5), rtol=0, atol=0
    )
    assert bool(pieces.off.any())


def test_exact_numbers_take_no_further_room():
    values = torch.randn(4, 3)
    exact = Rounded.exact(values)
    assert exact[1:].reshape(-1)._own.data_ptr() == values[1:].data_ptr()
    exact.become(values.clone())
    assert exact._own.data_ptr() == values.data_ptr()
    exact.become(values.double() + 1)
    assert torch.equal(exact.middle, values.double() + 1)


def test_what_becomes_other_numbers_is_exact_though_it_was_not():
    third = Rounded.exact(torch.tensor([1.0])) / 3
    assert not third.is_exact
    third.become(torch.tensor([0.25]))
    assert third.is_exact
    assert (float(third.middle), float(third.off)) == (0.25, 0)
