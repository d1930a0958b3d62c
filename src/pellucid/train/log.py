"""The log of a training: a line of JSON for some of its iterations, `log.jsonl`."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import CheckpointError, WriteError
from pellucid.files import parse_json, write_text
from pellucid.tree import Tree, flatten

LOG = "log.jsonl"


class LogFigures(NamedTuple):
    """How large a layer's weights and gradients are, and its step beside its weights."""

    weight_norm: float
    grad_norm: float  # before clipping
    update_ratio: float  # ‖new - weight‖ / ‖weight‖; 0 where all weights are 0


def layer_of(name: str) -> str:
    """The layer that a parameter belongs to: a block, or what is outside the blocks.

    >>> layer_of("h.3.attn.c_attn.weight"), layer_of("wte.weight")
    ('h.3', 'wte')
    """
    first, second, *_ = (*name.split("."), "")
    return f"{first}.{second}" if second.isdecimal() else first


def layer_figures(before: Tree, grads: Tree, after: Tree) -> dict[str, LogFigures]:
    """Each layer's figures over an iteration; a layer's norm is that of all its parameters."""
    sums: dict[str, list[Tensor]] = {}
    new, slopes = flatten(after), flatten(grads)
    for name, weight in flatten(before).items():
        if name in slopes:
            parts = (weight, slopes[name], new[name] - weight)
            squares = torch.stack([part.float().square().sum() for part in parts])
            sums.setdefault(layer_of(name), []).append(squares)
    found = {}
    for layer, squares_of in sums.items():
        weight_norm, grad_norm, update = torch.stack(squares_of).sum(0).sqrt().tolist()
        ratio = update / weight_norm if weight_norm else 0.0
        found[layer] = LogFigures(weight_norm, grad_norm, ratio)
    return found


class Log:
    """A log that is being written; the lines of iterations after `iteration` are taken back.

    Raises `WriteError` where it cannot be written.
    """

    def __init__(self, directory: Path, iteration: int = 0) -> None:
        self.path = directory / LOG
        try:
            kept = [line for line in self._lines() if line["iteration"] <= iteration]
            write_text(self.path, "".join(map(_line, kept)))
            self._file: IO[str] = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise self._full(error) from None

    def _lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        rows = []
        lines = self.path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, start=1):
            try:
                row = parse_json(line.decode("utf-8"))
            except ValueError:
                row = None
            if isinstance(row, dict) and type(row.get("iteration")) is int:
                rows.append(row)
            elif number < len(lines):  # else the machine stopped while this line was written
                raise CheckpointError(
                    f"each line of a training's log must be a JSON object with its iteration, and "
                    f"line {number} of {self.path} is none: correct or delete the line"
                )
        return rows

    def add(self, row: Mapping[str, Any]) -> None:
        """Write a line."""
        try:
            self._file.write(_line(row))
            self._file.flush()
        except OSError as error:
            raise self._full(error) from None

    def flush(self) -> None:
        """Make all lines durable, as the state that is about to be saved will be."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._full(error) from None

    def close(self) -> None:
        """End the writing."""
        try:
            self._file.close()
        except OSError as error:
            raise self._full(error) from None

    def _full(self, error: OSError) -> WriteError:
        return WriteError(
            f"{self.path} must be a file that can be written; {error.strerror}; make room there, "
            "and continue with --resume"
        )


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(_finite(row), allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """JSON has no infinities: null stands for a number that is not finite."""
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
