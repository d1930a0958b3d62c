"""The trained model that comes with the package; `scripts/shipped_model.py` makes it."""

from os import PathLike
from pathlib import Path

SHIPPED_MODEL = "english-1M"
"""Its name, which stands for its directory wherever a model or a tokenizer is named."""

SHIPPED = {SHIPPED_MODEL: Path(__file__).with_name("english_1M")}
"""By name: the directory of a checkpoint, with its tokenizer and its model card, `README.md`."""


def shipped_path(name: str | PathLike[str]) -> Path | None:
    """The directory of the shipped model of that name; None for others, and where a path has it."""
    place = SHIPPED.get(str(name))
    return None if place is None or Path(name).exists() else place


__all__ = ["SHIPPED", "SHIPPED_MODEL", "shipped_path"]
