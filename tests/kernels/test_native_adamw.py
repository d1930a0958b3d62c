"""The native step of AdamW against the reference's rule: each kind of gradient, every level."""

import platform
from collections.abc import Iterator

import pytest
import torch

from pellucid import native
from pellucid.kernels.native_adamw import Moving, move, norm_of, takes
from pellucid.layers import square_sum
from pellucid.native.build import VARIANTS
from pellucid.native.library import SWITCH
from pellucid.optim.adam import adamw_rule
from tests.judge import assert_close

pytestmark = pytest.mark.skipif(native.library() is None, reason=native.missing() or "it is there")

SHAPES = [(1,), (3, 5), (16,), (4097,), (70, 131), (0,)]
LEVELS = [*VARIANTS.get(platform.machine(), {})]
T, BETAS, EPS, RATE, FACTOR = 3, (0.9, 0.99), 1e-8, 0.01, 0.25


@pytest.fixture(autouse=True, params=LEVELS)
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(SWITCH, request.param)
    native.library.cache_clear()
    if native.level() != request.param:
        pytest.skip(f"this processor lacks {request.param}")
    yield request.param
    monkeypatch.undo()
    native.library.cache_clear()


def leaves(slopes: torch.dtype, *, copied: bool = False) -> dict[str, Moving]:
    generator = torch.Generator().manual_seed(0)

    def normal(shape: tuple[int, ...]) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    return {
        str(number): Moving(
            normal(shape),
            normal(shape),
            normal(shape).square(),
            normal(shape).to(slopes),
            torch.zeros(shape, dtype=torch.bfloat16) if copied else None,
            0.1 * number,
        )
        for number, shape in enumerate(SHAPES)
    }


def moved(came: dict[str, Moving], *, in_place: bool) -> dict[str, Moving]:
    corrections = {f"correction{i}": 1 / (1 - beta**T) for i, beta in enumerate(BETAS, 1)}
    rates = {"rate": RATE, "beta1": BETAS[0], "beta2": BETAS[1], "eps": EPS, "factor": FACTOR}
    return move(came, in_place=in_place, **rates, **corrections)


@pytest.mark.parametrize("slopes", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("in_place", [False, True], ids=["anew", "in place"])
def test_a_step_is_the_references(slopes: torch.dtype, in_place: bool):
    came, kept = leaves(slopes, copied=True), leaves(slopes)
    assert takes(came)
    got = moved(came, in_place=in_place)
    for name, leaf in kept.items():
        exact, state = adamw_rule(
            leaf.weight.double(),
            FACTOR * leaf.slope.double(),
            m_before=leaf.m.double(),
            v_before=leaf.v.double(),
            t=T,
            learning_rate=RATE,
            betas=BETAS,
            eps=EPS,
            weight_decay=leaf.decay,
        )
        assert (got[name].weight is came[name].weight) == in_place
        assert in_place or torch.equal(came[name].weight, leaf.weight)
        if leaf.weight.numel():
            assert_close(got[name].weight, exact, 1e-6)
            assert_close(got[name].m, state["m"], 1e-6)
            assert_close(got[name].v, state["v"], 1e-6)
        assert torch.equal(got[name].copy, got[name].weight.bfloat16())


@pytest.mark.parametrize("slopes", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_the_norm_is_that_of_all_gradients(slopes: torch.dtype):
    came = leaves(slopes)
    exact = sum(square_sum(leaf.slope.double()) for leaf in came.values())
    assert_close(norm_of(came), exact.sqrt(), 1e-6)


def test_what_is_no_number_stays_none():
    came = leaves(torch.float32, copied=True)
    came["1"].slope[0, 0] = torch.nan
    got = moved(came, in_place=True)["1"]
    assert got.weight.isnan().sum() == got.copy.isnan().sum() == 1
    assert norm_of(came).isnan()


def test_other_dtypes_and_strides_are_left_to_the_graph():
    came = leaves(torch.float32)["4"]
    assert takes({"": came})
    assert not takes({"": came._replace(slope=came.slope.half())})
    assert not takes({"": came._replace(weight=came.weight.double())})
    assert not takes({"": came._replace(m=came.m.T.contiguous().T)})
    assert not takes({"": came._replace(copy=came.weight)})
