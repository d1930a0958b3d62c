"""A training's log as one picture: panels above each other, the iterations along all of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.pictures.figure import check_picture, new_figure, save_figure
from pellucid.train.run_log import RunLog

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMOOTH = 40
"""A smoothed loss is the mean over about this part of all lines: one in so many."""

FEW = 12
"""Up to so many lines, each has a dot, so that a single one is seen."""

NAMED = 6
"""So many blocks at most stand in the legend, spread over the depth."""

NEAR = 2
"""Numbers within this factor are drawn on an axis that is not logarithmic: it might name none."""

GUIDE = 1e-3
"""A rule of thumb: an update this long by its weights' length is neither timid nor wild."""

OTHERS = (("black", "--"), ("C3", ":"), ("0.45", "-."), ("C1", (0, (5, 1))), ("C9", (0, (1, 1))))
"""Colours and dashes of the layers that are not one of a stack; no colour is viridis's."""


def draw_run(logs: Mapping[str, RunLog], path: Path) -> None:
    """Draw the logs of one training, or of several to compare, by name.

    Loss, learning rate, gradient norm and tokens a second; of a single training whose log has
    them, also each layer's weight norm, and its update's length by its weight's.
    """
    check_picture(path)
    layered = len(logs) == 1 and any(log.layer_iteration for log in logs.values())
    heights = [3.0, 1.2, 1.6, *([2.4, 2.4] if layered else []), 1.2]
    figure = new_figure(9.5, 1.05 * sum(heights) + 0.6)
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    loss, rate, norm, *by_layer, speed = panels
    for place, (name, log) in enumerate(logs.items()):
        colour = f"C{place}"
        _draw_losses(loss, log, f"{name}: " if len(logs) > 1 else "", colour)
        _draw(rate, log.iteration, log.learning_rate, color=colour)
        _draw(norm, log.iteration, log.grad_norm, color=colour, linewidth=0.8)
        _draw(speed, log.iteration, log.tokens_per_second, color=colour)
        if by_layer:
            _draw_layers(log, *by_layer)
    loss.set_ylabel("loss in nats a token")
    loss.legend(fontsize=8, loc="upper right")
    rate.set_ylabel("learning rate")
    rate.set_ylim(bottom=0)
    norm.set_ylabel("‖gradient‖")
    _logarithmic(norm)
    speed.set_ylabel("tokens/s")
    speed.set_ylim(bottom=0)
    speed.set_xlabel("iterations")
    for axes in panels:
        axes.grid(visible=True, alpha=0.3)
    figure.align_ylabels(panels)
    save_figure(figure, path)


def smoothed(values: Sequence[float]) -> tuple[list[float], int]:
    """The mean of each value and those around it, and of how many at most; NaN is left out."""
    half = len(values) // (2 * SMOOTH)
    given = np.array(values, dtype=float)
    sums = np.cumsum([0.0, *np.nan_to_num(given)])
    counts = np.cumsum([0, *np.isfinite(given)])
    place = np.arange(len(given))
    first, end = np.maximum(place - half, 0), np.minimum(place + half + 1, len(given))
    count = counts[end] - counts[first]
    means = np.where(count > 0, (sums[end] - sums[first]) / np.maximum(count, 1), np.nan)
    return means.tolist(), 2 * half + 1


def _draw_losses(axes: "Axes", log: RunLog, name: str, colour: str) -> None:
    means, count = smoothed(log.loss)
    if count > 1:
        axes.plot(log.iteration, log.loss, color=colour, alpha=0.25, linewidth=0.7)
        _draw(
            axes,
            log.iteration,
            means,
            color=colour,
            label=f"{name}training, mean of {count} losses",
        )
    else:
        _draw(axes, log.iteration, log.loss, color=colour, label=f"{name}training")
    if log.validation_iteration:
        finite = [loss for loss in log.validation_loss if math.isfinite(loss)]
        best = f", best {min(finite):.4g}" if finite else ""
        axes.plot(
            log.validation_iteration,
            log.validation_loss,
            color=colour,
            linestyle="--",
            marker="o",
            markersize=4.5,
            markeredgecolor="white",
            label=f"{name}validation{best}",
        )


def _draw_layers(log: RunLog, weights: "Axes", ratios: "Axes") -> None:
    for (name, layer), (style, named) in zip(log.layers.items(), _styles(log.layers), strict=True):
        label = name if named else None
        _draw(weights, log.layer_iteration, layer.weight_norm, label=label, **style)
        _draw(ratios, log.layer_iteration, layer.update_ratio, **style)
    ratios.axhline(GUIDE, color="black", linestyle=":", linewidth=1)
    ratios.annotate(
        f"{GUIDE:g}", (1, GUIDE), xycoords=("axes fraction", "data"), xytext=(3, 0),
        textcoords="offset points", fontsize=8, va="center",
    )  # fmt: skip
    weights.set_ylabel("‖weight‖ by layer")
    ratios.set_ylabel("‖update‖ / ‖weight‖\nby layer")
    _logarithmic(weights)
    _logarithmic(ratios)
    weights.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)


def _styles(names: Mapping[str, object]) -> Iterator[tuple[dict[str, object], bool]]:
    """How each layer's line looks, and whether the legend names it.

    A stack's layers, `h.0` and so on, go from dark to light with their depth; the legend names
    the first, the last and some between.
    """
    from matplotlib import colormaps  # noqa: PLC0415 (it is an extra)

    stacks: dict[str, list[str]] = {}
    for name in names:
        stem, _, number = name.rpartition(".")
        if number.isdecimal():
            stacks.setdefault(stem, []).append(name)
    place = {name: number for stack in stacks.values() for number, name in enumerate(stack)}
    others = cycle(OTHERS)
    for name in names:
        if name in place:
            stem = name.rpartition(".")[0]
            depth = len(stacks[stem])
            colour = colormaps["viridis"](0.9 * place[name] / max(1, depth - 1))
            width = 1.3 if depth <= 12 else 0.8
            named = place[name] in _spread(depth)
            dash = "-" if list(stacks).index(stem) == 0 else (0, (6, 1))
            yield {"color": colour, "linewidth": width, "linestyle": dash}, named
        else:
            other, dashes = next(others)
            yield {"color": other, "linewidth": 1.2, "linestyle": dashes}, True


def _spread(depth: int) -> set[int]:
    """Up to `NAMED` places from the first to the last of a stack."""
    return {int(place) for place in np.linspace(0, depth - 1, min(depth, NAMED)).round()}


def _draw(axes: "Axes", along: Sequence[int], values: Sequence[float], **style: Any) -> None:
    axes.plot(along, values, marker="." if len(along) <= FEW else None, **style)


def _logarithmic(axes: "Axes") -> None:
    """Make the axis logarithmic, where its numbers are above 0 and not all near each other."""
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415 (it is an extra)

    shown = [value for line in axes.lines for value in np.asarray(line.get_ydata(), dtype=float)]
    positive = [value for value in shown if value > 0]
    if not positive or max(positive) < NEAR * min(positive):
        return
    axes.set_yscale("log", nonpositive="mask")
    axes.yaxis.set_major_formatter("{x:g}")
    # Between powers of ten, so many more are named as have room.
    digits = {5: "23456789", 30: "25", math.inf: ""}
    factor = max(positive) / min(positive)
    named = next(some for most, some in digits.items() if factor <= most)
    axes.yaxis.set_minor_formatter(
        FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in named else "")
    )
