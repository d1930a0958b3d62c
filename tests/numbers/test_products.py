"""Products by slices hold the true numbers, and are as narrow as those of `arb_mat`."""

import math
from fractions import Fraction

import numpy as np
import pytest
from flint import arb

from pellucid.errors import StoppedError
from pellucid.numbers import precision, products, stoppable
from pellucid.numbers.arrays import PACKED, Reals, pack, reals
from pellucid.numbers.slices import cut

SHAPES = [(1, 1, 1), (3, 5, 4), (2, 33, 7), (17, 3, 2)]
BITS = (30, 53, 96, 384, 2500)
CHANCE = np.random.default_rng(5)


def floats(rows: int, columns: int) -> Reals:
    return CHANCE.standard_normal((rows, columns)).astype(np.float32)


def balls(rows: int, columns: int, width: int = 60, spread: int = 8) -> Reals:
    """Thirds, to within 2^-width of themselves; some are 0, and of two one is exact."""
    out = np.empty(rows * columns, dtype=object)
    powers = CHANCE.integers(-spread, spread + 1, out.size).tolist()
    for place, (x, power) in enumerate(zip(CHANCE.standard_normal(out.size), powers, strict=True)):
        number = arb(float(x)) * arb(2) ** power / 3
        wide = abs(number) * arb(2) ** -width
        exact = arb(0) if place % 7 == 0 else arb(number.mid())
        out[place] = exact if place % 2 == 0 else number + arb(0, wide.abs_upper())
    return out.reshape(rows, columns)


def fraction(x: arb) -> Fraction:
    mantissa, power = map(int, x.man_exp())
    return Fraction(mantissa) * Fraction(2) ** power


def ends(values: Reals) -> Reals:
    """Both ends of each ball, exactly."""
    if values.dtype == PACKED:
        parts = [[Fraction(part) for part in number] for number in values.ravel().tolist()]
    else:
        numbers = reals(values).flat
        parts = [[fraction(x.mid()), Fraction(0), fraction(x.rad())] for x in numbers]
    out = np.empty(values.size, dtype=object)
    out[:] = [(high + low - off, high + low + off) for high, low, off in parts]
    return out.reshape(values.shape)


def by_slices(left: Reals, right: Reals, *, packed: bool = False) -> Reals:
    out = np.empty((len(left), right.shape[1]), dtype=PACKED if packed else object)
    assert products._by_slices(left, right, out)
    return out


def by_arb(left: Reals, right: Reals) -> Reals:
    out = np.empty((len(left), right.shape[1]), dtype=object)
    products._by_arb(left, right, out)
    return out


def kinds(rows: int, inner: int, columns: int) -> dict[str, tuple[Reals, Reals]]:
    """Factors of every kind."""
    return {
        "floats": (floats(rows, inner), floats(inner, columns)),
        "balls by floats": (balls(rows, inner), floats(inner, columns)),
        "balls by floats of another order": (balls(rows, inner), floats(columns, inner).T),
        "floats by balls": (floats(rows, inner), balls(inner, columns)),
        "balls": (balls(inner, rows).T, balls(inner, columns, 20)),
        "packed": (pack(balls(rows, inner)), pack(balls(inner, columns, 90))),
        "far apart": (balls(rows, inner, 200, 90), balls(inner, columns, 40, 150)),
        "wide": (balls(rows, inner, 2), balls(inner, columns, -3)),
    }


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", kinds(1, 1, 1))
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bits", BITS)
def test_products_hold_those_of_all_points(
    bits: int, shape: tuple[int, int, int], kind: str, packed: bool
):
    with precision(bits):
        left, right = kinds(*shape)[kind]
        got = by_slices(left, right, packed=packed)
    rows, columns, found = map(ends, (left, right, got))
    for i, j in np.ndindex(*got.shape):
        low, high = found[i, j]
        corners = [[p * q for p in rows[i, k] for q in columns[k, j]] for k in range(shape[1])]
        assert low <= sum(map(min, corners)) <= sum(map(max, corners)) <= high


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("kind", ["balls by floats", "floats by balls", "balls", "wide"])
def test_they_are_as_narrow_as_others(kind: str, bits: int):
    with precision(bits):
        left, right = kinds(4, 50, 6)[kind]
        got, others = by_slices(left, right), by_arb(left, right)
        for mine, other in zip(got.flat, others.flat, strict=True):
            assert mine.rad() <= other.rad() * 1.25


def test_what_is_exact_stays_so():
    with precision(400):
        for packed in (False, True):
            left, right = floats(5, 40), floats(40, 3)
            got = reals(by_slices(left, right, packed=packed))
            assert all(x.is_exact() for x in got.flat)
            assert (got == by_arb(left, right)).all()


def test_many_numbers_of_one_line_add_up(monkeypatch: pytest.MonkeyPatch):
    """Digits as large as they get, and more of them than one sum of floats may hold."""
    digits = (2**20 - CHANCE.integers(1, 1000, (20_000, 10))).astype(object)
    digits[:, -1] //= 2  # the highest has the sign
    wholes = [sum(digit << 20 * place for place, digit in enumerate(line)) for line in digits]
    row = np.array([[arb(whole) for whole in wholes]])
    with precision(500):
        assert by_slices(row, row.T)[0, 0] == sum(whole**2 for whole in wholes)
    monkeypatch.setattr(products, "TALL", 2)
    monkeypatch.setattr(products, "STRIP", 60)
    left, right = floats(5, 20), balls(20, 7)
    assert [x.mid() for x in by_slices(left, right).flat] == [
        x.mid() for x in np.concatenate([by_slices(left[i : i + 1], right) for i in range(5)]).flat
    ]


@pytest.mark.parametrize(
    "odd", [math.inf, math.nan, 1e200, 1e-310, arb("1e-9000"), arb(0, math.inf), arb("1e400")]
)
def test_numbers_that_floats_do_not_reach_are_left_to_others(odd: object):
    right = floats(8, 4)
    left = np.full((3, 8), 0.5, dtype=type(odd) if isinstance(odd, float) else object)
    left[:] = 0.5 if isinstance(odd, float) else arb(0.5)
    left[1, 2] = odd
    assert cut(left, 96) is None
    assert not products._by_slices(left, right, np.empty((3, 4), dtype=object))
    assert cut(right.T, 96) is not None
    assert not products._by_slices(right.T, left.T, np.empty((4, 3), dtype=object))


def test_a_zero_matrix_has_one_slice():
    for zeros in (np.zeros((2, 3)), reals(np.zeros((2, 3))), pack(np.zeros((2, 3)))):
        sliced = cut(zeros, 96)
        assert sliced is not None
        assert len(sliced.digits) == 1
        assert not sliced.radii.any()
        got = by_slices(zeros, floats(3, 2))
        assert all(x.is_zero() for x in got.flat)


def test_no_more_slices_than_the_radii_leave_a_meaning():
    with precision(1000):
        for width, most in ((20, 4), (60, 6), (2000, 52)):
            sliced = cut(balls(3, 9, width, 0), 1000)
            assert sliced is not None
            assert len(sliced.digits) <= most


def test_a_large_product_can_be_stopped():
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(StoppedError), stoppable(stop):
        products.product(floats(4, 1 << 12), floats(1 << 12, 1 << 12))
