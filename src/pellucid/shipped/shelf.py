"""The shelf: what there is of each model that has a name here, as its files say."""

import json
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.errors import CheckpointError
from pellucid.gguf_header import read_gguf
from pellucid.shipped.described import DESCRIBED, Description
from pellucid.shipped.fetched import FETCHED, fetched_file, is_fetched

CARD = "README.md"
"""A model card's file."""

SECTIONS = (
    "Data and licence",
    "How it was made",
    "How well it",
    "What it cannot do",
)
"""How the sections begin that every model card has, in this order."""


def shipped_place(name: str) -> Path:
    """The folder of a model that comes along, or is to."""
    return Path(__file__).with_name(name.replace("-", "_"))


SHIPPED = {name: place for name in DESCRIBED if (place := shipped_place(name)).is_dir()}
"""By name: the directory of a checkpoint, with its tokenizer and its model card."""


class ShelfModel(NamedTuple):
    """A model that has a name, and what its files say where they are here."""

    name: str
    state: str
    """"comes along", "fetched" or "can be fetched"."""
    described: Description
    size: int
    """Bytes of its files but for the card."""
    path: Path | None = None
    card: Path | None = None
    architecture: str | None = None
    parameters: int | None = None

    @property
    def weight(self) -> str:
        """Its size in words: 2.2 MB."""
        large = self.size >= 1e6
        return f"{self.size / 1e6:,.1f} MB" if large else f"{self.size / 1e3:,.0f} kB"

    def as_json(self) -> dict[str, Any]:
        """Its facts by name; paths as strings."""
        return {
            "name": self.name,
            "state": self.state,
            "use": self.described.use,
            "trained_on": self.described.trained_on,
            "licence": self.described.licence,
            "architecture": self.architecture,
            "parameters": self.parameters,
            "bytes": self.size,
            "path": None if self.path is None else str(self.path),
            "card": None if self.card is None else str(self.card),
        }


def shelf() -> list[ShelfModel]:
    """All models that have names and are here or can come, in the order of `DESCRIBED`."""
    return [shelf_model(name) for name in DESCRIBED if name in SHIPPED or name in FETCHED]


def shelf_model(name: str) -> ShelfModel:
    """What there is of a model that is here or can come, by the headers of its files."""
    described = DESCRIBED[name]
    if name in SHIPPED:
        place = SHIPPED[name]
        files = [path for path in place.iterdir() if path.is_file() and path.name != CARD]
        return ShelfModel(
            name,
            "comes along",
            described,
            sum(path.stat().st_size for path in files),
            place,
            place / CARD,
            json.loads((place / "config.json").read_text(encoding="utf-8"))["architecture"],
            _numbers(place / "model.safetensors"),
        )
    size = FETCHED[name].size
    if not is_fetched(name):
        return ShelfModel(name, "can be fetched", described, size)
    place = fetched_file(name)
    try:
        header, _ = read_gguf(place)
    except CheckpointError:  # whole, and of the tests' own
        return ShelfModel(name, "fetched", described, size, place)
    architecture = str(header.settings.get("general.architecture"))
    count = sum(prod(tensor.shape) for tensor in header.tensors.values())
    return ShelfModel(name, "fetched", described, size, place, None, architecture, count)


def _numbers(file: Path) -> int:
    """How many numbers a safetensors file holds, by its header: a length, and JSON."""
    with file.open("rb") as content:
        header = json.loads(content.read(int.from_bytes(content.read(8), "little")))
    header.pop("__metadata__", None)
    return sum(prod(tensor["shape"]) for tensor in header.values())
