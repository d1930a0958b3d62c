"""The ways that optimizers take down one loss of two weights, and the loss along them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from pellucid.pictures.figure import check_picture, new_figure, save_figure

HEIGHTS = 18
"""So many lines of equal loss are drawn."""

MARKS = "os^D"
"""A way's marks, since two ways may lie on each other."""


def draw_paths(
    courses: Mapping[str, tuple[Tensor, Tensor]],
    land: tuple[Sequence[float], Sequence[float], Tensor],
    names: tuple[str, str],
    path: Path,
) -> None:
    """Draw each optimizer's way over the lines of equal loss, and beside it its losses.

    `courses` are weights (n, 2) and losses (n,) by name, `land` the first weights, the second ones
    and the loss (second, first) at each pair; `names` are what the weights are called.
    Raises `ConfigError` for a format it is not drawn in, and where Matplotlib is not installed.
    """
    check_picture(path)
    figure = new_figure(11, 4.8)
    over, along = figure.subplots(1, 2, width_ratios=[1.25, 1])
    first, second, height = land
    lines = over.contourf(first, second, height.numpy(), HEIGHTS, cmap="Greys", alpha=0.55)
    over.contour(first, second, height.numpy(), HEIGHTS, colors="0.6", linewidths=0.5)
    figure.colorbar(lines, ax=over, label="loss", shrink=0.9)
    for mark, (name, (weights, losses)) in zip(MARKS * len(courses), courses.items(), strict=False):
        style = {"marker": mark, "markersize": 4.5, "linewidth": 1.4, "markeredgecolor": "white"}
        over.plot(*weights.T.numpy(), label=name, **style)
        along.plot(range(len(losses)), losses.numpy(), label=f"{name}: {losses[-1]:.4g}", **style)
    start = next(iter(courses.values()))[0][0]
    over.annotate("start", start.tolist(), xytext=(5, 6), textcoords="offset points", fontsize=9)
    over.set_xlabel(f"weight of {names[0]}")
    over.set_ylabel(f"weight of {names[1]}")
    along.set_xlabel("steps")
    along.set_ylabel("loss")
    along.grid(visible=True, alpha=0.3)
    along.legend(title="at the end", fontsize=9)
    save_figure(figure, path)
