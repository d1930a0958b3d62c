"""A training's picture: the lines are the log's columns, and any log can be drawn."""

import math
from pathlib import Path
from typing import Any

import pytest

from pellucid.pictures import run_plot
from pellucid.train.run_log import LayerLog, RunLog, read_log
from tests.train.run_logs import real_rows, write_log

pytest.importorskip("matplotlib", reason="pictures are drawn by Matplotlib, an extra")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Draws, and returns the figure laid out instead of writing a file."""

    def draw(**logs: RunLog) -> Any:
        kept: list[Any] = []
        monkeypatch.setattr(run_plot, "save_figure", lambda figure, path: kept.append(figure))
        run_plot.draw_run(logs, Path("a.svg"))
        kept[0].draw_without_rendering()
        return kept[0]

    return draw


def log_of(path: Path, depth: int = 2, rows: int = 100) -> RunLog:
    return read_log(write_log(path, real_rows(depth)[:rows]))


def data(line: Any) -> tuple[list, list]:
    return list(line.get_xdata()), list(line.get_ydata())


def test_each_panel_has_the_log_s_columns(drawn: Any, tmp_path: Path):
    log = log_of(tmp_path)
    loss, rate, norm, weights, ratios, speed = drawn(run=log).axes
    raw, mean, validation = loss.lines
    assert data(raw) == (log.iteration, log.loss)
    assert data(mean) == (log.iteration, run_plot.smoothed(log.loss)[0])
    assert data(validation) == (log.validation_iteration, log.validation_loss)
    assert data(rate.lines[0]) == (log.iteration, log.learning_rate)
    assert data(norm.lines[0]) == (log.iteration, log.grad_norm)
    assert data(speed.lines[0]) == (log.iteration, log.tokens_per_second)
    for number, layer in enumerate(log.layers.values()):
        assert data(weights.lines[number]) == (log.layer_iteration, layer.weight_norm)
        assert data(ratios.lines[number]) == (log.layer_iteration, layer.update_ratio)
    assert len(weights.lines) == len(log.layers)
    (guide,) = ratios.lines[len(log.layers) :]
    assert data(guide)[1] == [1e-3, 1e-3]
    assert (weights.get_yscale(), ratios.get_yscale(), norm.get_yscale()) == ("log",) * 3
    labels = [text.get_text() for text in loss.get_legend().texts]
    assert labels == [
        "training, mean of 3 losses",
        f"validation, best {min(log.validation_loss):.4g}",
    ]
    assert len({axes.get_xlim() for axes in (loss, rate, norm, weights, ratios, speed)}) == 1


def layered(names: list[str]) -> RunLog:
    """A log of 20 lines, one of them with these layers."""
    log = RunLog(list(range(20)), *([1.0] * 20 for _ in range(4)))
    log.layer_iteration = [10]
    log.layers = {name: LayerLog([0.5], [0.5], [0.5]) for name in names}
    return log


@pytest.mark.parametrize(
    ("depth", "named"),
    [
        (1, [0]), (2, [0, 1]), (6, [0, 1, 2, 3, 4, 5]), (12, [0, 2, 4, 7, 9, 11]),
        (48, [0, 9, 19, 28, 38, 47]),
    ],
)  # fmt: skip
def test_a_deep_model_s_legend_is_short_and_its_colours_follow_the_depth(
    drawn: Any, depth: int, named: list[int]
):
    log = layered(["wte", "wpe", *(f"h.{layer}" for layer in range(depth)), "ln_f"])
    weights = drawn(run=log).axes[3]
    labels = [text.get_text() for text in weights.get_legend().texts]
    assert labels == ["wte", "wpe", *(f"h.{layer}" for layer in named), "ln_f"]
    assert len(weights.lines) == depth + 3
    colours = [line.get_color() for line in weights.lines[2:-1]]
    light = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue, _ in colours]
    assert light == sorted(light)
    assert len(set(colours)) == depth
    others = [weights.lines[place] for place in (0, 1, -1)]
    assert len({line.get_linestyle() for line in others} | {"-"}) == 4, "not by colour alone"


def test_two_stacks_are_told_apart(drawn: Any):
    weights = drawn(run=layered(["encoder.0", "encoder.1", "decoder.0", "decoder.1"])).axes[3]
    first, _, second, _ = weights.lines
    assert first.get_color() == second.get_color()
    assert first.is_dashed() != second.is_dashed()


def test_several_are_compared_by_colour_and_without_layers(drawn: Any, tmp_path: Path):
    one = log_of(tmp_path / "one")
    other = read_log(write_log(tmp_path / "other", real_rows(seed=2)))
    figure = drawn(one=one, other=other)
    assert len(figure.axes) == 4
    loss, *rest = figure.axes
    labels = [text.get_text() for text in loss.get_legend().texts]
    assert [label.split(",")[0] for label in labels] == [
        "one: training", "one: validation", "other: training", "other: validation",
    ]  # fmt: skip
    assert data(loss.lines[3]) == (other.iteration, other.loss)
    for axes in rest:
        assert [line.get_color() for line in axes.lines] == ["C0", "C1"]


def test_a_mean_is_of_those_around_and_of_what_is_finite():
    values = [float(number % 7) for number in range(200)]
    values[50] = math.nan
    means, count = run_plot.smoothed(values)
    assert count == 5
    for place, mean in enumerate(means):
        near = [x for x in values[max(0, place - 2) : place + 3] if x == x]
        assert mean == pytest.approx(sum(near) / len(near), abs=1e-9)
    assert run_plot.smoothed([3.0, 1.0]) == ([3.0, 1.0], 1)
    assert all(math.isnan(mean) for mean in run_plot.smoothed([math.nan] * 100)[0])


@pytest.mark.parametrize("value", [0.0, math.nan, 1.0, 1e-300])
def test_odd_figures_are_drawn_without_a_warning(drawn: Any, value: float):
    log = layered(["h.0"])
    log.loss = log.learning_rate = log.grad_norm = log.tokens_per_second = [value] * 20
    log.validation_iteration, log.validation_loss = [5], [value]
    log.layers["h.0"].weight_norm = log.layers["h.0"].update_ratio = [value]
    figure = drawn(run=log)
    labels = [text.get_text() for text in figure.axes[0].get_legend().texts]
    assert labels[1] == ("validation" if value != value else f"validation, best {value:.4g}")


def test_a_single_line_is_seen(drawn: Any, tmp_path: Path):
    figure = drawn(run=log_of(tmp_path, rows=1))
    assert len(figure.axes) == 4, "no layers in it"
    assert all(line.get_marker() == "." for axes in figure.axes for line in axes.lines)


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [
        (0.4, 6.1, ["0.5", "1", "2", "5"]),
        (2.1, 5.2, ["3", "4", "5"]),
        (0.02, 7, ["0.1", "1"]),
    ],
)
def test_a_logarithmic_axis_names_so_many_numbers_as_have_room(
    drawn: Any, low: float, high: float, named: list[str]
):
    log = layered(["h.0"])
    log.grad_norm = [low + (high - low) * number / 19 for number in range(20)]
    axis = drawn(run=log).axes[2]
    first, last = axis.get_ylim()
    labels = {
        place: label.get_text()
        for minor in (False, True)
        for place, label in zip(
            axis.get_yticks(minor=minor), axis.get_yticklabels(minor=minor), strict=True
        )
        if first <= place <= last
    }
    assert [labels[place] for place in sorted(labels) if labels[place]] == named


def test_a_zero_is_a_gap_on_a_logarithmic_axis(drawn: Any):
    log = layered(["h.0"])
    log.grad_norm = [0.0, 0.1, 10.0, *[1.0] * 17]
    axis = drawn(run=log).axes[2]
    assert axis.get_yscale() == "log"
    assert axis.get_ylim()[0] > 0.01
    _, height = axis.transScale.transform((0, 0.0))
    assert not math.isfinite(height)


def test_numbers_near_each_other_have_a_plain_axis(drawn: Any):
    log = layered(["h.0"])
    log.grad_norm = [2.0 + 0.01 * number for number in range(20)]
    assert drawn(run=log).axes[2].get_yscale() == "linear"
