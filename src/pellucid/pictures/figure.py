"""Pictures by Matplotlib: made here, and written whole to SVG, PNG or PDF."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.errors import ConfigError, did_you_mean
from pellucid.files import check_writable, whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png", ".pdf")

DOTS = 160
"""A PNG's dots an inch."""

BACKEND = "MPLBACKEND"
"""The environment variable that Matplotlib reads, and checks, as it is imported."""


def check_picture(path: Path) -> None:
    """Raise an error for a file that no picture can be drawn to, before anything is computed.

    `ConfigError` for another ending, `WriteError` where no file can be written there.
    """
    if path.suffix not in FORMATS:
        raise ConfigError(
            f"a picture is drawn to {', '.join(FORMATS)}, and {path} has another ending"
            f"{did_you_mean(path.suffix, FORMATS)}: give the file another ending"
        )
    check_writable(path)


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of this size in inches; `ConfigError` where Matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 (it is an extra)
    except ImportError:
        raise ConfigError(
            "a picture needs Matplotlib, which is not installed: pip install 'pellucid[plot]'"
        ) from None
    except ValueError as error:
        if BACKEND not in os.environ:
            raise
        raise ConfigError(
            f"{BACKEND} in the environment must name a backend of Matplotlib, and it is "
            f"{os.environ[BACKEND]!r}: unset it, a picture in a file needs none"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write the figure in the format that the file's ending names; the same figure, the same file.

    Raises `ConfigError` for an ending that is none of `FORMATS`, `WriteError` where the file
    cannot be written.
    """
    from matplotlib import rc_context  # noqa: PLC0415 (it is an extra)

    check_picture(path)
    form = path.suffix[1:]
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
    with whole_file(path) as temporary, rc_context({"svg.hashsalt": "pellucid"}):
        figure.savefig(temporary, format=form, dpi=DOTS, metadata=undated)
