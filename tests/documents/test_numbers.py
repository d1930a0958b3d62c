"""Numbers as text: short where they are short, and correctly rounded where not."""

import math
from decimal import Decimal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.documents.numbers import Format, first_elements, statistics


def texts(*values: float, digits: int = 4) -> list[str]:
    form = Format(torch.tensor(values, dtype=torch.float64), digits)
    return [form(value) for value in values]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.25, -1.0), ["0.25", "-1.00"]),
        ((0.5, 1.0), ["0.5", "1.0"]),
        ((3.0, -12.0), ["3", "-12"]),
        ((0.0, 0.0), ["0", "0"]),
        ((0.56 + 0.25, 0.1 + 0.2), ["0.81", "0.30"]),
        ((0.25, 1 / 3), ["0.2500", "0.3333"]),
        ((0.125,), ["0.1250"]),
        ((0.01234567, 0.001), ["0.01235", "0.00100"]),
        ((0.00001234567,), ["0.00001235"]),
        ((2 / 3, -1e-9), ["0.6667", "0.0000"]),
        ((0.3, -0.0), ["0.3", "0.0"]),
        ((1 / 3, -0.0), ["0.3333", "0.0000"]),
    ],
)
def test_a_tensor_is_written_with_as_many_decimals_as_it_needs(
    values: tuple[float, ...], expected: list[str]
):
    assert texts(*values) == expected


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (1.2345678e-6, 4, "1.235e-06"),
        (-1.2345678e-6, 8, "-1.2345678e-06"),
        (2 / 3, 1, "0.7"),
        (2 / 3, 8, "0.66666667"),
        (2 / 3, 17, "0.66666666666666663"),
        (0.02 / 3, 8, "0.0066666667"),
    ],
)
def test_digits_are_the_largest_element_s(value: float, digits: int, expected: str):
    assert texts(value, digits=digits) == [expected]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.0149, -0.03536, 0.5), ["0.01490", "-0.03536", "0.50000"]),
        ((1.2345, 0.00012), ["1.23450", "0.00012"]),
        ((0.5, 1.234e-9), ["5.000e-01", "1.234e-09"]),
        ((1.2345, 1.234e-9), ["1.2345", "0.0000"]),
        ((0.5, 1.2345e-9), ["0.5000", "0.0000"]),
    ],
)
def test_figures_that_are_short_themselves_are_kept(values: tuple[float, ...], expected: list[str]):
    assert texts(*values) == expected


@pytest.mark.parametrize("digits", [1, 2, 3, 8])
def test_short_decimals_stay_short_whatever_the_digits(digits: int):
    assert texts(0.05, -0.01, digits=digits) == ["0.05", "-0.01"]


def test_a_tensor_of_tiny_numbers_is_scientific_all_of_it():
    assert texts(1.5e-7, -2e-8, 0.0) == ["1.500e-07", "-2.000e-08", "0.000e+00"]


def test_a_negative_zero_has_no_sign_in_the_scientific_notation_either():
    assert texts(-0.0, 1e-9) == ["0.000e+00", "1.000e-09"]


def test_infinities_and_nan_are_written_and_do_not_count():
    assert texts(-math.inf, 0.25, math.inf) == ["-∞", "0.25", "∞"]
    assert texts(-math.inf, 1 / 3, math.nan) == ["-∞", "0.3333", "NaN"]
    assert texts(-math.inf, -math.inf) == ["-∞", "-∞"]
    assert texts(math.nan) == ["NaN"]
    assert texts(1e-9, math.nan) == ["1.000e-09", "NaN"]


@pytest.mark.parametrize("value", [1e20, -1e20 / 3, 1e300, 123456789.123 * 1e9])
def test_a_huge_number_takes_no_more_room_than_its_digits_need(value: float):
    (text,) = texts(value)
    assert len(text) <= 12
    assert float(text) == pytest.approx(value, rel=1e-3)


def test_a_tensor_of_nothing_but_tiny_numbers_is_not_written_as_zero():
    assert texts(2.5e-14, -1e-15) == ["2.500e-14", "-1.000e-15"]


def test_a_large_number_keeps_its_digits():
    assert float(texts(12345.6789)[0]) == pytest.approx(12345.6789, rel=1e-4)
    assert float(texts(99.99999)[0]) == pytest.approx(100, rel=1e-4)


@pytest.mark.parametrize("scale", [1e-9, 1e-4, 1.0, 1e4])
def test_the_last_digit_is_rounded_from_the_exact_value(scale: float):
    values = (scale * torch.randn(200, generator=torch.Generator().manual_seed(1))).double()
    for value, text in zip(values.tolist(), texts(*values.tolist()), strict=True):
        last = Decimal(text).as_tuple().exponent
        assert abs(Decimal(value) - Decimal(text)) <= Decimal(5).scaleb(int(last) - 1)
    assert texts(0.99996) == ["1.0000"]


def test_statistics_are_those_of_the_finite_elements():
    assert statistics(torch.tensor([1.0, 3.0])) == "mean 2  std 1  min 1  max 3"
    hidden = torch.tensor([[1.0, -math.inf], [3.0, math.nan]])
    assert statistics(hidden) == "mean 2  std 1  min 1  max 3  (2 not finite)"
    assert statistics(torch.tensor([-math.inf, -math.inf])) == "no finite element"
    names = statistics(torch.arange(5.0)).split()
    assert names[::2] == ["mean", "std", "min", "max"]
    assert [float(text) for text in names[1::2]] == pytest.approx([2, 2**0.5, 0, 4], rel=5e-3)


def test_the_first_elements_are_those_of_the_first_row():
    table = torch.arange(24.0).view(2, 3, 4)
    assert first_elements(table, 4) == "[0 1 2 3]"
    assert first_elements(table, 2) == "[0 1 …]"
    assert first_elements(-table.view(4, 6)[1:] / 3, 3) == "[-2 -2.333 -2.667 …]"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([-math.inf, math.inf, 1.0], "[-∞ ∞ 1]"),
        ([-0.0, -1e-300], "[0 -1e-300]"),
        ([31373, 995, 7], "[31373 995 7]"),
        ([True, False], "[1 0]"),
    ],
)
def test_first_elements_are_written_as_a_table_writes_them(values: list[float], text: str):
    assert (
        first_elements(
            torch.tensor(values, dtype=None if isinstance(values[0], int) else torch.float64)
        )
        == text
    )


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.bool, torch.float16])
def test_statistics_are_taken_of_any_kind_of_numbers(dtype: torch.dtype):
    """A text's tokens are whole numbers; more than 64 of them are shown by these."""
    assert statistics(torch.tensor([0, 1, 1, 0], dtype=dtype)) == "mean 0.5  std 0.5  min 0  max 1"


@given(
    st.lists(
        st.one_of(
            st.decimals(-99999, 99999, places=8).map(float),
            st.decimals(-1, 1, places=6).map(lambda value: float(value) * 1e-4),
            st.sampled_from([0.5, 1e5, 276146.1, -2.5e-5, 583186.2]),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 8),
)
def test_what_is_kept_is_what_a_float_holds_and_no_digits_of_its_own(
    values: list[float], digits: int
):
    """276146.1 with 11 decimals is 276146.09999999998: no calculator's figure."""
    form = Format(torch.tensor(values, dtype=torch.float64), digits)
    for value in values:
        if not form.scientific:
            text = form(value)
            assert len(text.strip("-").replace(".", "").lstrip("0")) <= 15, text
            assert Decimal(text) == round(Decimal(repr(value)), form.decimals) or (
                abs(Decimal(text) - Decimal(value)) * 2 <= Decimal(10) ** -form.decimals
            )


def test_figures_of_very_different_sizes_are_kept_only_where_floats_hold_them():
    assert texts(50000.0, 0.0006) == ["50000.0000", "0.0006"]
    assert texts(276146.1, -5.599403e-05, digits=8) == ["2.7614610e+05", "-5.5994030e-05"]
