"""The log of a training, read from its run's directory into columns."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid.errors import TextError
from pellucid.files import parse_json

LOG = "log.jsonl"
"""The log's name in a run's directory."""

NEEDED = ("loss", "learning_rate", "grad_norm", "tokens_per_second")
"""What each line has beside its iteration."""

FIGURES = ("weight_norm", "grad_norm", "update_ratio")
"""What a line with layers has of each."""


@dataclass
class LayerLog:
    """One layer's figures, at the run's `layer_iteration`; NaN where a line did not have them."""

    weight_norm: list[float] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)
    update_ratio: list[float] = field(default_factory=list)  # ‖update‖ / ‖weight‖


@dataclass
class RunLog:
    """A training's figures as columns; those of evaluations and of layers have their iterations.

    What the log has as null, a number that was not finite, is NaN here.
    """

    iteration: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)  # of the batch, in nats a token
    learning_rate: list[float] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)  # before clipping
    tokens_per_second: list[float] = field(default_factory=list)
    validation_iteration: list[int] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    layer_iteration: list[int] = field(default_factory=list)
    layers: dict[str, LayerLog] = field(default_factory=dict)  # in the model's order


def read_log(run: Path) -> RunLog:
    """The log of the run in a directory.

    Where a training was taken up again from before its last line, the later line of an iteration
    counts, and those that it went back behind do not. A last line that was cut off is ignored.
    Raises `TextError` where there is no log, or it has no line, or one that cannot be read.
    """
    path = run / LOG
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TextError(
            f"a run's directory must hold {LOG}, which pellucid train writes, and {path} cannot be "
            f"read ({error.strerror}): give the directory that was its --out"
        ) from None
    rows: list[Mapping[str, Any]] = []
    for row in _rows(path, content):
        while rows and rows[-1]["iteration"] >= row["iteration"]:
            rows.pop()
        rows.append(row)
    if not rows:
        raise TextError(
            f"a training's log must have a line, and {path} has none yet: wait for its first"
        )
    return _columns(rows)


def _rows(path: Path, content: bytes) -> Iterator[Mapping[str, Any]]:
    """The lines, checked."""
    *whole, rest = content.split(b"\n")
    for number, line in enumerate([*whole, rest], start=1):
        try:
            row = parse_json(line.decode("utf-8"))
        except ValueError:
            row = None
        if number > len(whole) and not isinstance(row, dict):
            return  # nothing stands after the last line's end, or a line that was cut off
        fault = _fault(row)
        if fault:
            raise TextError(
                f"each line of a training's log must be a JSON object with iteration, "
                f"{', '.join(NEEDED)}, and line {number} of {path} {fault}: correct or "
                "delete the line"
            )
        yield row


def _fault(row: object) -> str | None:
    """What is wrong with a line, if anything is."""
    if not isinstance(row, dict):
        return "is none"
    for name in ("iteration", *NEEDED):
        if name not in row:
            return f"has no {name}"
    if type(row["iteration"]) is not int:
        return f"has {row['iteration']!r} as its iteration"
    layers = row.get("layers") or {}
    if not isinstance(layers, dict) or not all(isinstance(own, dict) for own in layers.values()):
        return "has layers that are no objects"
    single = {name: row.get(name) for name in (*NEEDED, "validation_loss")}
    within = {
        f"layers.{layer}.{name}": own.get(name) for layer, own in layers.items() for name in FIGURES
    }
    for name, value in (single | within).items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            return f"has {value!r} as its {name}"
    return None


def _columns(rows: list[Mapping[str, Any]]) -> RunLog:
    log = RunLog()
    names = dict.fromkeys(layer for row in rows for layer in row.get("layers") or {})
    log.layers = {layer: LayerLog() for layer in names}
    for row in rows:
        log.iteration.append(row["iteration"])
        for name in NEEDED:
            getattr(log, name).append(_number(row[name]))
        if "validation_loss" in row:
            log.validation_iteration.append(row["iteration"])
            log.validation_loss.append(_number(row["validation_loss"]))
        if row.get("layers"):
            log.layer_iteration.append(row["iteration"])
            for layer, columns in log.layers.items():
                own = row["layers"].get(layer, {})
                for name in FIGURES:
                    getattr(columns, name).append(_number(own.get(name)))
    return log


def _number(value: float | None) -> float:
    """A float; NaN for what is no finite number."""
    return float(value) if value is not None and math.isfinite(value) else math.nan
