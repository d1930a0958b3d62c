"""Of a sweep that is thinned out, what runs still meets every value of every parameter."""

import pytest

from tests.conftest import EVERY

SIZES = {"one": 4, "two": 2, "three": 3}


@pytest.mark.thinned
@pytest.mark.parametrize("one", [str(place) for place in range(SIZES["one"])])
@pytest.mark.parametrize("two", [{"size": place} for place in range(SIZES["two"])])
@pytest.mark.parametrize("three", range(SIZES["three"]))
def test_swept(one: str, two: dict[str, int], three: int):
    assert int(one) < SIZES["one"]
    assert two["size"] < SIZES["two"]
    assert three < SIZES["three"]


@pytest.mark.thinned(3)
@pytest.mark.parametrize("place", range(10))
def test_counted(place: int):
    assert place < 10


def test_each_value_is_met_in_few_cases_and_of_a_counted_sweep_the_first_of_three(
    request: pytest.FixtureRequest,
):
    here = [item for item in request.session.items if item.path == request.path]
    runs = {
        test: [item.callspec.params for item in here if item.originalname == test]
        for test in ("test_swept", "test_counted")
    }
    if not all(runs.values()):
        pytest.skip("the sweeps were not asked for")
    every = request.config.getoption(EVERY)
    for name, size in SIZES.items():
        assert len({str(params[name]) for params in runs["test_swept"]}) == size
    assert len(runs["test_swept"]) == (24 if every else 4)
    counted = [params["place"] for params in runs["test_counted"]]
    assert counted == list(range(0, 10, 1 if every else 3))
