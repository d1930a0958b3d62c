"""The files of one run: what is in them, and what stands in those of another run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pellucid.web.answers.json_values import Json
from pellucid.web.record.chunks import write_chunk

FULL = 1 << 20
"""Bytes after which another file is begun."""


@dataclass
class RunFiles:
    """The further files of a run: things are added one by one, and a full file is written."""

    folder: Path
    run: str
    written: dict[str, str]
    _places: dict[str, list[str]] = field(default_factory=dict)
    _said: Json = field(default_factory=dict)
    _data: bytearray = field(default_factory=bytearray)
    _size: int = 0
    _count: int = 0

    def add(self, name: str, content: str, make: Callable[[], tuple[Json, bytes]]) -> None:
        """Add what is said of a thing, with its bytes; the same content stands in one file."""
        known = _known(name, content)
        if known not in self.written:
            said, data = make()
            self.written[known] = f"{self.run}/{self._count + 1}"
            self._said[name] = said | ({"from": len(self._data)} if data else {})
            self._data += data
            self._size += len(data) + len(str(said))
        self._places.setdefault(self.written[known], []).append(name)
        if self._size > FULL:
            self.flush()

    def stands(self, name: str, content: str) -> bool:
        """Whether a thing of that content was written before."""
        return _known(name, content) in self.written

    def flush(self) -> None:
        """Write the file that was begun."""
        if self._said:
            self._count += 1
            write_chunk(self.folder, f"{self.run}/{self._count}", self._said, bytes(self._data))
        self._said, self._data, self._size = {}, bytearray(), 0

    def grouped(self) -> dict[str, list[str]]:
        """The things in each file, by the files."""
        return self._places


def _known(name: str, content: str) -> str:
    return f"{name} {sha256(content.encode()).hexdigest()}"
