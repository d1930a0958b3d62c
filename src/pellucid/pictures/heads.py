"""Figures of a model's heads as heat maps: a row a layer, a column a head."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from pellucid.inspect import Contrast, Reach
from pellucid.pictures.figure import check_picture, new_figure, save_figure
from pellucid.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL = 0.24
"""Inches of a head's square."""

EVERY = 16
"""Up to so many heads or layers, each has its number; of more, some have."""


@dataclass(frozen=True)
class HeadMap:
    """One table of all heads (L, H), and the layers' feed-forward networks (L,) beside it."""

    title: str
    table: Tensor
    signed: bool = True
    """Whether numbers are drawn by sign, blue below 0 and red above, or from 0 on."""
    beside: Tensor | None = None


def reach_map(found: Reach, towards: str | None) -> HeadMap:
    """How much each head looks from the place at the target, or at what it looks at most."""
    depth = 1 + max(look.layer for look in found.looks)
    by_place = sorted(found.looks, key=lambda look: (look.layer, look.head))
    weights = Tensor([look.weight for look in by_place]).reshape(depth, -1)
    what = f"at '{visible(towards)}'" if towards else "at one place at most"
    return HeadMap(f"attention of '{found.pieces[found.start]}'\n{what}", weights, signed=False)


def contrast_maps(found: Contrast, towards: str | None) -> list[HeadMap]:
    """Attention, the direct terms, and where a word was patched, what each head's patch changes."""
    one, other = map(visible, found.words)
    terms = found.attribution
    maps = [
        reach_map(found.reach, towards),
        HeadMap(
            f"direct terms:\n+ to '{one}', − to '{other}'", terms.heads, beside=terms.feed_forwards
        ),
    ]
    if found.swap is not None and found.patching is not None:
        old, new = map(visible, found.swap)
        title = f"patched, '{new}' for '{old}':\nwhat changes"
        maps.append(HeadMap(title, found.patching.changes))
    return maps


def draw_heads(
    maps: Sequence[HeadMap], path: Path, *, outlined: Sequence[tuple[int, int]] = ()
) -> None:
    """Draw the tables beside each other; the heads `outlined` have a frame in each of them.

    Raises `ConfigError` for a format it is not drawn in, and where Matplotlib is not installed.
    """
    from matplotlib.patches import Rectangle  # noqa: PLC0415 (it is an extra)

    check_picture(path)
    depth, count = maps[0].table.shape
    widths = [CELL * (count + (0 if one.beside is None else 2)) + 1.1 for one in maps]
    figure = new_figure(max(sum(widths) + 0.4, 2.6 * len(maps)), max(CELL * depth, 1.2) + 1.2)
    grid = figure.subplots(1, len(maps), squeeze=False, width_ratios=widths)[0]
    for axes, one in zip(grid, maps, strict=True):
        _draw(axes, one)
        for layer, head in outlined:
            corner = (head - 0.5, layer - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=0.9))
    grid[0].set_ylabel("layer")
    save_figure(figure, path)


def _draw(axes: "Axes", one: HeadMap) -> None:
    import numpy as np  # noqa: PLC0415 (of use to a picture only)

    cells = one.table.double().cpu().numpy()
    depth, count = cells.shape
    if one.beside is not None:
        column = one.beside.double().cpu().numpy()[:, None]
        cells = np.concatenate([cells, np.full_like(column, np.nan), column], 1)
    largest = float(np.nanmax(np.abs(cells))) or 1.0
    colours, least = ("RdBu_r", -largest) if one.signed else ("Blues", 0.0)
    image = axes.imshow(
        cells, cmap=colours, vmin=least, vmax=largest, aspect="equal", origin="lower"
    )
    axes.set_title(one.title, fontsize=9)
    heads = range(0, count, -(-count // EVERY))
    names = [str(head) for head in heads]
    places = list(heads)
    if one.beside is not None:
        places, names = [*places, count + 1], [*names, "ffn"]
    axes.set_xticks(places, names, fontsize=7)
    layers = range(0, depth, -(-depth // (2 * EVERY)))
    axes.set_yticks(list(layers), [str(layer) for layer in layers], fontsize=7)
    axes.set_xlabel("head", fontsize=8)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.7)
    bar.ax.tick_params(labelsize=7)
