"""The picture of optimizers' paths: its lines are the weights and losses of the runs."""

from pathlib import Path

import numpy as np
import pytest

from pellucid.examples import optimizers
from tests.cli.conftest import Command

pytest.importorskip("matplotlib", reason="pictures are drawn by Matplotlib, an extra")


def test_lines_are_the_weights_and_the_losses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pellucid: Command
):
    from pellucid.pictures import paths

    kept = []
    monkeypatch.setattr(paths, "save_figure", lambda figure, path: kept.append(figure))
    monkeypatch.setattr(optimizers, "GRID", 4)
    ended = pellucid(
        *("plot", "paths", "--optimizer", "adam", "--optimizer", "sgd", "--steps", 3),
        *("--learning-rate", 0.25, "-o", tmp_path / "paths.svg"),
    )
    assert (ended.code, ended.err) == (0, "")
    (figure,) = kept
    over, along = figure.axes[:2]
    for place, name in enumerate(("adam", "sgd")):
        weights, losses = optimizers.course(name, rate=0.25, steps=3)
        drawn = np.stack(over.lines[place].get_data(), -1)
        np.testing.assert_array_equal(drawn, weights.numpy())
        np.testing.assert_array_equal(along.lines[place].get_ydata(), losses.numpy())
        assert along.lines[place].get_label() == f"{optimizers.NAMES[name]}: {losses[-1]:.4g}"
    assert (over.get_xlabel(), over.get_ylabel()) == ("weight of red", "weight of size")


def test_the_land_has_all_ways_in_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(optimizers, "GRID", 3)
    courses = [optimizers.course(name) for name in ("sgd", "momentum")]
    first, second, height = optimizers.land_around(courses)
    for weights, _ in courses:
        assert first[0] < weights[:, 0].min() <= weights[:, 0].max() < first[-1]
        assert second[0] < weights[:, 1].min() <= weights[:, 1].max() < second[-1]
    assert height.shape == (3, 3)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["ai_rocks"], "paths are drawn of the example optimizers"),
        (["--optimizer", "adm"], "did you mean 'adam'?"),
        (["--learning-rate", "0"], "learning_rate must be above 0"),
        (["--model", "gpt2-tiny"], "--model does not go with paths"),
        (["--learning-rate", "1e308"], "take a smaller --learning-rate"),
    ],
)
def test_what_no_path_is_drawn_of(pellucid: Command, tmp_path: Path, given: list[str], says: str):
    ended = pellucid("plot", "paths", *given, "-o", tmp_path / "paths.svg")
    assert ended.code == 2
    assert says in " ".join(ended.err.split())
