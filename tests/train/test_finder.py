"""The learning-rate finder: rates that grow, a loss that falls and then runs away."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

import pellucid.train.finder
from pellucid.errors import ConfigError
from pellucid.train.finder import HIGHEST, LOWEST, SMOOTHING, Tried, learning_rates, suggested
from pellucid.tree import flatten
from tests.train.small_training import CORPUS, RECIPE, losses, model, run


def test_the_rates_grow_by_one_factor_and_the_loss_is_a_running_mean():
    start = model()
    before = {name: leaf.clone() for name, leaf in flatten(start.params).items()}
    tried = learning_rates(start, CORPUS, RECIPE, steps=40)
    rates = [point.learning_rate for point in tried]
    assert rates[0] == pytest.approx(LOWEST)
    factor = (HIGHEST / LOWEST) ** (1 / 39)
    for one, after in pairwise(rates):
        assert after / one == pytest.approx(factor)
    # At so small rates the first batches' losses are those of a training that stands still.
    still = losses(run(start, learning_rate=1e-12, max_iters=3))
    weights = [SMOOTHING**2, SMOOTHING, 1]
    mean = sum(w * loss for w, loss in zip(weights, still, strict=True)) / sum(weights)
    assert tried[2].loss == pytest.approx(mean, abs=1e-3)
    assert all(torch.equal(leaf, before[name]) for name, leaf in flatten(start.params).items())


def test_the_search_ends_where_the_loss_runs_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pellucid.train.finder, "HIGHEST", 1e3)
    tried = learning_rates(model(), CORPUS, RECIPE, steps=100)
    assert len(tried) < 100
    assert 0.1 < tried[-1].learning_rate < 1e3


def test_chance_in_the_first_batches_does_not_end_the_search():
    # Of a batch of one window the loss jumps about while the weights all but stand still.
    tried = learning_rates(model(), CORPUS, replace(RECIPE, batch_size=1), steps=100)
    assert tried[-1].learning_rate > 0.1


def test_a_rate_is_suggested_at_which_the_loss_falls():
    tried = learning_rates(model(), CORPUS, RECIPE, steps=200)
    rate = suggested(tried)
    lowest = min(tried, key=lambda point: point.loss)
    assert rate == lowest.learning_rate / 10
    assert 1e-4 < rate < 0.1
    good = run(max_iters=40, learning_rate=rate)
    poor = run(max_iters=40, learning_rate=rate / 1000)
    assert losses(good)[-1] < losses(poor)[-1] - 0.5


def test_no_rate_is_suggested_where_the_loss_never_fell():
    for tried in ([], [Tried(1e-6, 2.0)], [Tried(1e-6, 2.0), Tried(1e-5, 3.0)]):
        with pytest.raises(ConfigError, match="never did"):
            suggested(tried)


def test_one_step_is_a_search_too():
    (only,) = learning_rates(model(), CORPUS, replace(RECIPE, batch_size=2), steps=1)
    assert math.isfinite(only.loss)
