import pytest
import torch

from pellucid.kernels import adamw_rule
from pellucid.optim import adamw, decay_groups
from pellucid.tree import flatten, map_leaves
from tests.judge import assert_close

SHAPES = {"h": {"0": {"weight": (5, 7), "bias": (7,)}}, "wte": {"weight": (3, 4)}}
TOLERANCES = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 3e-2, torch.float16: 4e-3}


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_twenty_steps_are_the_reference_s(dtype: torch.dtype):
    generator = torch.Generator().manual_seed(0)

    def draw(shape: tuple[int, ...]) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    params = map_leaves(draw, SHAPES)
    exact = map_leaves(lambda leaf: leaf.double(), params)
    settings = {"learning_rate": 1e-2, "betas": (0.8, 0.95), "eps": 1e-6}
    settings["weight_decay"] = decay_groups(params, 0.3)
    state = judge = None
    for _ in range(20):
        grads = map_leaves(draw, SHAPES)
        before = map_leaves(torch.clone, params)
        given = params
        params, state = adamw(params, grads, state, **settings, rule=adamw_rule)
        for name, leaf in flatten(given).items():
            assert torch.equal(leaf, flatten(before)[name]), "a step changes nothing in place"
        exact, judge = adamw(exact, map_leaves(lambda g: g.double(), grads), judge, **settings)
    for mine, theirs in ((params, exact), (state["m"], judge["m"]), (state["v"], judge["v"])):
        for name, leaf in flatten(theirs).items():
            own = dtype if mine is params else torch.promote_types(dtype, torch.float32)
            assert flatten(mine)[name].dtype == own
            assert_close(flatten(mine)[name], leaf, TOLERANCES[dtype], name)
    assert state["t"] == judge["t"] == 20
