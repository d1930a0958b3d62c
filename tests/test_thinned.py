"""Of a sweep that is thinned out, what runs still meets every value of every parameter."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import _left_out


def cases(*sizes: int, every: int | None = None) -> list[Any]:
    """Those of a test over so many values of each parameter."""
    mark = SimpleNamespace(args=() if every is None else (every,))
    return [
        SimpleNamespace(
            callspec=SimpleNamespace(indices=dict(zip("abcd", indices, strict=False))),
            get_closest_marker=lambda _: mark,
        )
        for indices in product(*map(range, sizes))
    ]


@pytest.mark.parametrize("sizes", [(4,), (2, 4), (4, 2, 2), (3, 5, 2), (1, 3, 3, 2)])
def test_each_value_of_each_parameter_is_met_in_few_cases(sizes: tuple[int, ...]):
    every = cases(*sizes)
    left_out = _left_out(every)
    runs = [case for case in every if case not in left_out]
    met = {item for case in runs for item in case.callspec.indices.items()}
    assert met == {(name, place) for name, size in zip("abcd", sizes, strict=False)
                   for place in range(size)}  # fmt: skip
    assert max(sizes) <= len(runs) <= max(sizes) + len(sizes) - 1


@pytest.mark.parametrize(("count", "every", "runs"), [(10, 3, 4), (9, 3, 3), (2, 5, 1)])
def test_every_so_many_cases_one_runs_the_first_among_them(count: int, every: int, runs: int):
    all_cases = cases(count, every=every)
    left_out = _left_out(all_cases)
    assert all_cases[0] not in left_out
    assert count - len(left_out) == runs
