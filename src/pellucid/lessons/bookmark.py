"""What a learner has done, and where they stopped: one small file among the user's data."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pellucid.files import clear_unfinished, parse_json, write_text

DATA = "PELLUCID_DATA"
"""The environment's variable that names another directory for what is kept of a user."""

FILE = "learn.json"

UNREADABLE = ".unreadable"
"""What a file's name gets behind it that cannot be read: it is put aside, and never lost."""


class Bookmark:
    """The exercises that were answered rightly, and the last one that was looked at.

    The file is written anew, whole, after each answer; what another session has written in the
    meantime is kept. `WriteError` where it cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     Bookmark(Path(home)).add("sums.node")
    ...     Bookmark(Path(home)).done
    frozenset({'sums.node'})
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.path = (directory or data_directory()) / FILE
        self.put_aside: Path | None = None  # where a file is now that could not be read
        kept = self._read()
        self.done = frozenset(kept["done"])
        self.last = str(kept["last"])

    def add(self, exercise: str) -> None:
        """An exercise was answered rightly."""
        self._write(self.done | {exercise}, exercise)

    def at(self, exercise: str) -> None:
        """An exercise is being looked at."""
        self._write(self.done, exercise)

    def forget(self, names: Iterable[str] | None = None) -> None:
        """Take exercises as not done; all where none are named."""
        gone = self.done if names is None else frozenset(names)
        self.done, self.last = self.done - gone, ""
        self._store(self.done, self.last)

    def _write(self, done: frozenset[str], last: str) -> None:
        others = frozenset(self._read()["done"])
        self.done, self.last = done | others, last
        self._store(self.done, last)

    def _store(self, done: frozenset[str], last: str) -> None:
        clear_unfinished(self.path)
        text = json.dumps({"version": 1, "last": last, "done": sorted(done)}, indent=1)
        write_text(self.path, f"{text}\n")

    def _read(self) -> dict[str, Any]:
        """What the file has; what is none of ours is put aside, and nothing is done yet."""
        nothing: dict[str, Any] = {"done": [], "last": ""}
        try:
            kept = parse_json(self.path.read_text(encoding="utf-8"))
        except OSError:
            return nothing
        except ValueError:
            kept = None
        if not isinstance(kept, dict) or not _are_names(kept.get("done")):
            self.put_aside = self.path.with_name(f"{FILE}{UNREADABLE}")
            self.path.replace(self.put_aside)
            return nothing
        return nothing | kept


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def data_directory() -> Path:
    """Where what is kept of a user is: the system's place for it, or where `DATA` says."""
    import platformdirs  # noqa: PLC0415 (few need it)

    own = os.environ.get(DATA)
    return Path(own) if own else platformdirs.user_data_path("pellucid")
