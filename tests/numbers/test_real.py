"""What is told of a bound in a few digits is a bound itself."""

import math
from decimal import Decimal

import pytest

from pellucid.numbers import at_least, at_most

BOUNDS = (1.149e-16, 0.00123, 9.99, 1.0844357, 123456.0, 2.5, 5e-324, 1.7e308, 0.1)


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("digits", [2, 6])
def test_a_bound_that_is_told_still_holds(bound: float, digits: int):
    above, below = Decimal(at_most(bound, digits)), Decimal(at_least(bound, digits))
    assert below <= Decimal(bound) <= above
    assert above - below <= Decimal(bound) * Decimal(10) ** (2 - digits)


def test_what_has_few_digits_is_told_as_it_is():
    assert (at_most(0.0), at_most(2.5), at_least(2.5), at_most(120.0)) == (
        "0",
        "2.5",
        "2.5",
        "1.2e+02",
    )
    assert at_most(math.inf) == "inf"
