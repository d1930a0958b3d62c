"""A compiled training: the eager one's numbers, going on bit for bit, and where it cannot be."""

from typing import Any

import pytest
import torch

from pellucid.distribute import ALONE
from pellucid.errors import ConfigError
from pellucid.kernels.compiled import why_not_compiled
from pellucid.train import Recipe
from pellucid.train.backend import backend_of
from pellucid.tree import flatten
from tests.train.small_training import CORPUS, RECIPE, losses, model, run


@pytest.fixture(scope="module")
def _compiler() -> None:
    if why := why_not_compiled():
        pytest.skip(f"needs a C++ compiler: {why}")


needs_compiler = pytest.mark.usefixtures("_compiler")


@needs_compiler
@pytest.mark.parametrize(
    "choices",
    [{}, {"accumulate": 2, "dropout": 0.2, "recompute": True}, {"mixed": True}],
    ids=["plain", "accumulated, dropout, recomputed", "mixed"],
)
def test_its_losses_and_norms_are_the_eager_ones(choices: dict[str, Any]):
    allowed = 2e-2 if "mixed" in choices else 1e-9
    steps = run(max_iters=6, compiled=True, **choices)
    eager = run(max_iters=6, **choices)
    assert losses(steps) == pytest.approx(losses(eager), rel=allowed)
    norms = [step.grad_norm for step in steps]
    assert norms == pytest.approx([step.grad_norm for step in eager], rel=10 * allowed)
    assert steps[0].layers is not None
    assert steps[-1].validation_loss == pytest.approx(eager[-1].validation_loss, rel=allowed)


@needs_compiler
def test_it_goes_on_bit_for_bit_and_changes_no_point():
    from dataclasses import replace

    from pellucid.train import train

    steps = run(max_iters=6, compiled=True)
    middle = steps[2].point
    kept = {name: leaf.clone() for name, leaf in flatten(middle.params).items()}
    recipe = replace(RECIPE, max_iters=6, compiled=True)
    going_on = list(train(model(), CORPUS, recipe, start=middle))
    assert losses(going_on) == losses(steps)[3:]
    for name, leaf in flatten(middle.params).items():
        assert torch.equal(leaf, kept[name]), "a point was changed by what came after"
    for name, leaf in flatten(going_on[-1].model.params).items():
        assert torch.equal(leaf, flatten(steps[-1].model.params)[name])


class Two:
    """As much of a layout of two processes as is asked for."""

    size = 2


def test_several_processes_and_other_devices_are_refused_in_a_line():
    recipe = Recipe(compiled=True)
    with pytest.raises(ConfigError, match="there are 2: leave out --compile or --layout"):
        backend_of(recipe, Two(), torch.device("cpu"))
    with pytest.raises(ConfigError, match="the device is cuda: leave out --compile or --device"):
        backend_of(recipe, ALONE, torch.device("cuda"))
