"""A training's figures as TensorBoard's event files, where TensorBoard is installed."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Any

from pellucid.errors import ConfigError

TAGS = {
    "loss": "loss/train",
    "validation_loss": "loss/validation",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
}
"""A row's key, and what TensorBoard calls its curve; a layer's are `layers/<layer>/<figure>`."""


def available() -> bool:
    """Whether TensorBoard is installed."""
    return find_spec("tensorboard") is not None


class EventFile:
    """Event files in a directory, which `tensorboard --logdir` shows as curves.

    `after` is how many iterations were done before, in a training that goes on: TensorBoard then
    drops what an earlier session wrote of later ones. Raises `ConfigError` where TensorBoard is
    not installed, or no file can be made in the directory.
    """

    def __init__(self, directory: Path, *, after: int = 0) -> None:
        if not available():
            raise ConfigError(
                "event files need TensorBoard, which is not installed: pip install "
                "'pellucid[tensorboard]'"
            )
        # Not SummaryWriter: it writes in a thread, which on a full disk dies on its own.
        from tensorboard.compat.proto import event_pb2  # noqa: PLC0415 (it is an extra)
        from tensorboard.summary.writer.record_writer import RecordWriter  # noqa: PLC0415

        self._event: Any = event_pb2.Event
        self._directory = directory
        # TensorBoard reads the files of a directory in the order of their names.
        name = f"events.out.tfevents.{time.time_ns():019d}.{token_hex(4)}"
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        with self._complaints():
            directory.mkdir(parents=True, exist_ok=True)
            # Unbuffered, so that nothing is left to be written when a full disk is cleared away.
            file = (directory / name).open("wb", buffering=0)
            self._writer = RecordWriter(file)
            self._write(file_version="brain.Event:2")
            self._write(step=after + 1, session_log=start)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of a training's log; what it has not, or has as None, is left out."""
        from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415

        figures = {tag: row.get(key) for key, tag in TAGS.items()}
        for layer, own in row.get("layers", {}).items():
            figures |= {f"layers/{layer}/{figure}": value for figure, value in own.items()}
        values = [
            Summary.Value(tag=tag, simple_value=value)
            for tag, value in figures.items()
            if value is not None
        ]
        with self._complaints():
            self._write(step=row["iteration"], summary=Summary(value=values))

    def close(self) -> None:
        """End the file."""
        with self._complaints():
            self._writer.close()

    def _write(self, **what: Any) -> None:
        self._writer.write(self._event(wall_time=time.time(), **what).SerializeToString())

    @contextmanager
    def _complaints(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigError(
                f"{self._directory} must be a directory that event files can be written in "
                f"({error.strerror}): make room there, or choose another"
            ) from None
