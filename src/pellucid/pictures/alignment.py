"""An alignment as a table in the terminal, and as a picture."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from pellucid.documents.tables import cut
from pellucid.inspect.alignment import Alignment
from pellucid.pictures.figure import check_picture, new_figure, save_figure

SHADES = " ░▒▓█"
"""From no attention to all of it."""


def print_alignment(console: Console, alignment: Alignment) -> None:
    """A row a target token: how much it looked at each source token, as a shade and in percent."""
    weights = alignment.mean.tolist()
    width = 6
    console.print(
        "\nwhich source token each target token looked at (mean of all heads, %)", style="dim"
    )
    label = max(8, *(len(piece) for piece in alignment.target))
    heads = " ".join(f"{cut(piece.strip(), width):>{width}}" for piece in alignment.source)
    console.print(Text(f"{'':{label}} {heads}", "dim"), soft_wrap=True)
    for piece, row in zip(alignment.target, weights, strict=True):
        cells = " ".join(
            f"{SHADES[min(len(SHADES) - 1, round(weight * (len(SHADES) - 1)))]}{100 * weight:>5.0f}"
            for weight in row
        )
        console.print(Text(f"{piece.strip():>{label}} {cells}"), soft_wrap=True)


def draw_alignment(alignment: Alignment, path: Path) -> None:
    """Draw the table to a file.

    Raises `ConfigError` for a format it is not drawn in, and where Matplotlib is not installed.
    """
    check_picture(path)
    weights = alignment.mean.double().numpy()
    height, width = weights.shape
    figure = new_figure(1.5 + 0.45 * width, 1.5 + 0.35 * height)
    axes = figure.subplots()
    image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(width), [piece.strip() for piece in alignment.source], rotation=60)
    axes.set_yticks(range(height), [piece.strip() for piece in alignment.target])
    axes.xaxis.tick_top()
    figure.colorbar(image, ax=axes, label="attention, mean of all heads")
    save_figure(figure, path)
