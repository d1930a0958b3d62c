"""Plots: attention by head, gradient norms by block, the loss as it falls, and differences."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from pellucid.compare import Verdict
from pellucid.inspect import Norms
from pellucid.pictures.figure import new_figure, save_figure

LABELLED = 40
"""Up to so many tokens, each is written beside its row and below its column."""

TEN = 10
"""Up to so many layers of a block have strong colours; of more, every second is a pale one."""

LEAST = 1e-12
"""Of a gradient that is all but 0, the logarithmic axis shows this."""


Tokens = Sequence[str] | None
"""What stands along an axis; None where its places have no names."""


def draw_attention(
    tables: Mapping[str, Tensor], along: Mapping[str, tuple[Tokens, Tokens]], path: Path
) -> None:
    """Draw each head's table: a row a token that looks, a column a token that it looks at.

    `tables` are attention probabilities (H, T, S) by name, a row of pictures each; `along` has the
    tokens of rows and of columns, which of cross-attention are those of two texts.
    """
    heads = max(len(table) for table in tables.values())
    count = max(max(table.shape[1:]) for table in tables.values())
    size = min(6.0, 1.4 + 0.22 * count) if count <= LABELLED else 4.0
    figure = new_figure(size * heads + 1, size * len(tables) + 0.3)
    grid = figure.subplots(len(tables), heads, squeeze=False)
    for row, (name, table) in zip(grid, tables.items(), strict=True):
        looking, seen = along[name]
        for axes in row[len(table) :]:
            axes.set_axis_off()
        for head, (axes, weights) in enumerate(zip(row, table, strict=False)):
            image = axes.imshow(weights.double().cpu().numpy(), cmap="Blues", vmin=0, vmax=1)
            axes.set_title(f"{name}, head {head}", fontsize=9)
            if count <= LABELLED:
                if seen is not None:
                    axes.set_xticks(range(len(seen)), seen, rotation=90, fontsize=8)
                if looking is not None:
                    axes.set_yticks(range(len(looking)), looking, fontsize=8)
    figure.colorbar(image, ax=grid, label="attention", shrink=0.8, aspect=20 * len(tables))
    save_figure(figure, path)


def draw_gradient_norms(norms: Norms, path: Path) -> None:
    """Draw the lengths of the gradients, block by block, of the parameters and of the stream."""
    figure = new_figure(9.5, 7)
    from matplotlib import colormaps  # noqa: PLC0415 (it is an extra)

    by_parameter, by_stream = figure.subplots(2, 1, height_ratios=[3, 1])
    depth = len(norms.stream) - 1
    owners = dict.fromkeys(kind.rpartition(".")[0] for kind in norms.blocks)
    palette = colormaps["tab10" if len(owners) <= TEN else "tab20"]
    colours = {owner: palette(place) for place, owner in enumerate(owners)}
    for kind, lengths in norms.blocks.items():
        style = "-" if kind.endswith("weight") else ":"
        colour = colours[kind.rpartition(".")[0]]
        by_parameter.plot(
            range(depth), _above(lengths), style, color=colour, marker=".", label=kind
        )
    around = (*norms.before.items(), *norms.after.items())
    for marker, (name, length) in zip("DsvPX*", around, strict=False):
        place = -1 if name in norms.before else depth
        by_parameter.plot([place], _above([length]), "k", marker=marker, ms=5, ls="", label=name)
    blocks = [f"h.{layer}" for layer in range(depth)]
    by_parameter.set_xticks(range(-1, depth + 1), ["in", *blocks, "out"])
    by_parameter.set_ylabel("‖gradient‖ by parameter")
    by_parameter.set_yscale("log")
    by_parameter.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    by_stream.plot(range(depth + 1), _above(norms.stream), "k-", marker=".")
    by_stream.set_xlim(by_parameter.get_xlim())
    by_stream.set_xticks(range(depth + 1), [*blocks, "out"])
    by_stream.set_ylabel("‖gradient‖ by\nthe stream into")
    by_stream.set_yscale("log")
    for axes in (by_parameter, by_stream):
        axes.grid(visible=True, axis="y", alpha=0.3)
    save_figure(figure, path)


def draw_losses(curves: Mapping[str, Sequence[float]], path: Path) -> None:
    """Draw the loss over the steps, a curve an optimizer."""
    figure = new_figure(7, 4.2)
    axes = figure.subplots()
    for name, losses in curves.items():
        lost = next((step for step, loss in enumerate(losses) if not math.isfinite(loss)), None)
        end = f"{losses[-1]:.4g} at the end" if lost is None else f"not finite from step {lost} on"
        axes.plot(range(len(losses)), losses, label=f"{name}: {end}")
    axes.set_xlabel("steps")
    axes.set_ylabel("loss in nats a token")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    save_figure(figure, path)


def draw_differences(fault: Verdict, path: Path) -> None:
    """Draw where in a tensor another program's numbers are off: rows of the last axis.

    A colour is how many times what is allowed the farthest number of that part is off.
    """
    from matplotlib.colors import LogNorm  # noqa: PLC0415 (it is an extra)

    figure = new_figure(7, 3.2)
    axes = figure.subplots()
    cells = fault.where.nan_to_num(posinf=1e30).double().numpy()
    shown = axes.imshow(
        cells, cmap="Reds", aspect="auto", norm=LogNorm(1, max(2.0, cells.max()), clip=True)
    )
    axes.set_title(f"{fault.name}: at {list(fault.worst)} farthest off", fontsize=10)
    axes.set_xlabel("along the last axis")
    axes.set_ylabel("all other axes")
    axes.set_xticks([])
    axes.set_yticks([])
    figure.colorbar(shown, ax=axes, label="times what is allowed")
    save_figure(figure, path)


def _above(lengths: Sequence[float]) -> list[float]:
    return [max(length, LEAST) for length in lengths]
