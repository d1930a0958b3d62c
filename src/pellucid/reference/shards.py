"""Shards: the tensors of one dtype on their way into files, and what the manifest says of them."""

from pathlib import Path
from typing import Any

from torch import Tensor

from pellucid.checkpoint.dumps import append_dump
from pellucid.checkpoint.safetensors_file import safetensors_parts
from pellucid.reference.checksum import RUN, checksums, part_of_runs, runs_of
from pellucid.reference.decoding import IDS, SAMPLED, UNIFORM
from pellucid.reference.manifest import ALWAYS
from pellucid.reference.selection import Selection
from pellucid.reference.uncached import write_uncached

SHARD = 1 << 27
"""Bytes of tensors that are gathered before they are written to one file."""


WHOLE = {*ALWAYS, "step.norms", IDS, SAMPLED, UNIFORM}
"""What is kept whole, whatever was selected."""


class Shards:
    """Gathers the tensors of one dtype and writes them, a file for every so many bytes."""

    def __init__(
        self, place: Path, dtype: str, wanted: Selection, rows: dict[str, dict[str, Any]]
    ) -> None:
        self.place, self.dtype, self.wanted, self.rows = place, dtype, wanted, rows
        self.waiting: dict[str, Tensor] = {}
        self.bytes, self.count = 0, 0

    def add(self, name: str, values: Tensor, *, first: str | None = None, **known: Any) -> None:
        """Take a tensor, if it is wanted, and tell the manifest of it.

        `first` is the name that the same tensor was taken under before.
        """
        if name not in WHOLE and name not in self.wanted:
            return
        row = self.rows.setdefault(name, known | {"shape": list(values.shape)})
        if first in self.rows and first != name:
            row["same_as"] = first
            return
        part, most = values, self.wanted.most
        if most is not None and name not in WHOLE and values.numel() > max(most, RUN):
            row.setdefault("runs", runs_of(values.numel(), most))
            if "checks" not in row:  # of the finest dtype, which comes first
                row["checks"] = checksums(values)
            part = part_of_runs(values, row["runs"])
        elif name not in WHOLE:
            part = self.wanted.part(values)
            if part.shape != values.shape:
                row["kept"] = list(part.shape)
        row.setdefault("files", {})[self.dtype] = self._file
        self.waiting[name] = part.detach().cpu()
        self.bytes += part.nbytes
        if self.bytes >= SHARD:
            self.flush()

    @property
    def _file(self) -> str:
        return f"{self.dtype}-{self.count + 1:05}.safetensors"

    def flush(self) -> None:
        """Write what has been gathered, to disk and not only to the system's memory."""
        if not self.waiting:
            return
        write_uncached(self.place / self._file, safetensors_parts(self.waiting))
        self.waiting, self.bytes, self.count = {}, 0, self.count + 1


class DumpedShards(Shards):
    """Writes them behind one another into one dump, which a program in C can read."""

    @property
    def _file(self) -> str:
        return f"{self.dtype}.bin"

    def flush(self) -> None:
        """Write what has been gathered."""
        append_dump(self.place / self._file, self.waiting)
        self.waiting, self.bytes = {}, 0
