"""An alignment as a table in the terminal, and as a picture."""

from pathlib import Path

from rich.console import Console

from pellucid.documents.tables import matrix_lines
from pellucid.inspect.alignment import Alignment
from pellucid.pictures.figure import check_picture, new_figure, save_figure

SHADES = " ░▒▓█"
"""From no attention to all of it."""


def print_alignment(console: Console, alignment: Alignment) -> None:
    """A row a target token: how much it looked at each source token, as a shade and in percent."""
    console.print(
        "\nwhich source token each target token looked at (mean of all heads, %)", style="dim"
    )
    source, target = (
        [piece.strip() for piece in pieces] for pieces in (alignment.source, alignment.target)
    )
    cells = [[_cell(weight) for weight in row] for row in alignment.mean.tolist()]
    for line in matrix_lines(cells, target, source, console.width):
        console.print(line)


def _cell(weight: float) -> str:
    """A shade, and percent."""
    return f"{SHADES[min(len(SHADES) - 1, round(weight * (len(SHADES) - 1)))]}{100 * weight:>5.0f}"


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
