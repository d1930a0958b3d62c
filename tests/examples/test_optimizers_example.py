"""Eight steps of four optimizers, in plain Python beside what the example shows."""

import math

import numpy as np
import pytest

from pellucid.examples.optimizers import CLASSES, DECAY, INPUTS, RATE, START, STEPS, surface
from tests.examples.walkthroughs import walkthrough_of

TAPE = walkthrough_of("optimizers").tape
NAMES = ["sgd", "momentum", "adam", "adamw"]


def loss_and_slopes(weights: list[float]) -> tuple[float, list[float]]:
    """The mean of log(1 + exp(-margin)), and its derivative by each weight."""
    loss, slopes = 0.0, [0.0, 0.0]
    for x, kind in zip(INPUTS, CLASSES, strict=True):
        sign = 1 if kind == 0 else -1
        margin = sign * sum(w * one for w, one in zip(weights, x, strict=True))
        loss += math.log1p(math.exp(-margin)) / len(INPUTS)
        for place in range(2):
            slopes[place] -= sign * x[place] / (1 + math.exp(margin)) / len(INPUTS)
    return loss, slopes


def moved(name: str, w: float, g: float, state: list[float], t: int) -> float:
    if name == "sgd":
        return w - RATE * g
    if name == "momentum":
        state[0] = 0.9 * state[0] + g
        return w - RATE * state[0]
    state[:] = [0.9 * state[0] + 0.1 * g, 0.999 * state[1] + 0.001 * g * g]
    m, v = state[0] / (1 - 0.9**t), state[1] / (1 - 0.999**t)
    decay = RATE * DECAY * w if name == "adamw" else 0
    return w - RATE * m / (math.sqrt(v) + 1e-8) - decay


@pytest.mark.parametrize("name", NAMES)
def test_weights_and_losses_are_those_of_plain_arithmetic(name: str):
    weights, states = [w for (w,) in START], [[0.0, 0.0], [0.0, 0.0]]
    column = NAMES.index(name)
    for step in range(STEPS + 1):
        loss, slopes = loss_and_slopes(weights)
        shown = [float(TAPE[f"by_{feature}"][step, column]) for feature in ("red", "size")]
        np.testing.assert_allclose(shown, weights, rtol=1e-9)
        np.testing.assert_allclose(float(TAPE["course"][step, column]), loss, rtol=1e-9)
        weights = [
            moved(name, w, g, state, step + 1)
            for w, g, state in zip(weights, slopes, states, strict=True)
        ]


def test_one_crawls_one_runs_past_and_two_move_at_the_same_pace():
    course, red = TAPE["course"], TAPE["by_red"]
    assert course[-1].argsort().tolist()[:2] == [3, 2]
    assert course[-1, 1] > course[:, 1].min() + 0.1, "momentum has run past"
    assert red[-1].argmax() == 1
    first = TAPE["adam.1.output.weight.update"].abs().flatten().tolist()
    np.testing.assert_allclose(first, [RATE, RATE], rtol=1e-5)


def test_the_surface_is_the_loss_of_each_pair_of_weights():
    grid = surface([-1.0, 0.5], [2.0, 0.0, 1.0])
    assert grid.shape == (3, 2)
    np.testing.assert_allclose(float(grid[0, 0]), loss_and_slopes([-1.0, 2.0])[0], rtol=1e-12)
    np.testing.assert_allclose(float(grid[2, 1]), loss_and_slopes([0.5, 1.0])[0], rtol=1e-12)
