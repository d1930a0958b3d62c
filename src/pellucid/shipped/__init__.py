"""The trained models that have names here: one comes with the package, the others are fetched.

`scripts/shipped_model.py` makes the one that comes.
"""

from os import PathLike
from pathlib import Path

from pellucid.errors import CheckpointError
from pellucid.shipped.fetched import FETCHED, SHOWN, FetchedModel, fetch, is_fetched
from pellucid.shipped.introduced import INTRODUCED, Introduction

SHIPPED_MODEL = "english-1M"
"""Its name, which stands for its directory wherever a model or a tokenizer is named."""

SHIPPED = {SHIPPED_MODEL: Path(__file__).with_name("english_1M")}
"""By name: the directory of a checkpoint, with its tokenizer and its model card, `README.md`."""

NAMED = (*SHIPPED, *FETCHED)
"""The names that `named_path` knows."""


def named_path(name: str | PathLike[str], *, online: bool = True) -> Path | None:
    """The directory or file that a name of `NAMED` stands for; None for all others.

    A path that is there goes before the name. What was not fetched yet is fetched; not `online`,
    and wherever `fetch` says so, a `CheckpointError` is raised instead.
    """
    known = str(name)
    if known not in NAMED or Path(name).exists():
        return None
    if known in SHIPPED:
        return SHIPPED[known]
    if not online and not is_fetched(known):
        raise CheckpointError(
            f"{known} must have been fetched before, since what a file names is not asked for in "
            f"the network; it was not: pellucid get {known}, if it is what you want"
        )
    return fetch(known)


__all__ = [
    "FETCHED",
    "INTRODUCED",
    "NAMED",
    "SHIPPED",
    "SHIPPED_MODEL",
    "SHOWN",
    "FetchedModel",
    "Introduction",
    "fetch",
    "is_fetched",
    "named_path",
]
