"""The trained models that have names here: some come with the package, others are fetched.

`DESCRIBED` is the table of all of them. `scripts/shipped_model.py` makes those that write English.
"""

from os import PathLike
from pathlib import Path

from pellucid.errors import CheckpointError
from pellucid.shipped.described import DESCRIBED, Description
from pellucid.shipped.fetched import FETCHED, SHOWN, FetchedModel, fetch, is_fetched
from pellucid.shipped.shelf import (
    CARD,
    SECTIONS,
    SHIPPED,
    ShelfModel,
    shelf,
    shelf_model,
    shipped_place,
)

SHIPPED_MODEL = "english-1M"
"""The model to look into: a GPT, small enough for lessons, walks, proofs and the page."""

WRITER = "english-4M"
"""The model that writes and is measured where no other is named: `generate`, `evaluate`."""

TRANSLATOR = "german-english"
"""The model that translates where no other is named."""


def named_path(name: str | PathLike[str], *, online: bool = True) -> Path | None:
    """The directory or file that a name of `DESCRIBED` stands for; None for all others.

    A path that is there goes before the name. What was not fetched yet is fetched; not `online`,
    and wherever `fetch` says so, a `CheckpointError` is raised instead.
    """
    known = str(name)
    if known not in DESCRIBED or Path(name).exists():
        return None
    if known in SHIPPED:
        return SHIPPED[known]
    if known not in FETCHED:
        raise CheckpointError(
            f"{known} must come along with Pellucid, and this installation is without its folder: "
            "install the package again, or give another --model (pellucid models)"
        )
    if not online and not is_fetched(known):
        raise CheckpointError(
            f"{known} must have been fetched before, since what a file names is not asked for in "
            f"the network; it was not: pellucid get {known}, if it is what you want"
        )
    return fetch(known)


__all__ = [
    "CARD",
    "DESCRIBED",
    "FETCHED",
    "SECTIONS",
    "SHIPPED",
    "SHIPPED_MODEL",
    "SHOWN",
    "TRANSLATOR",
    "WRITER",
    "Description",
    "FetchedModel",
    "ShelfModel",
    "fetch",
    "is_fetched",
    "named_path",
    "shelf",
    "shelf_model",
    "shipped_place",
]
