"""A training's figures as TensorBoard's event files, where TensorBoard is installed."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pellucid.errors import ConfigError

TAGS = {
    "loss": "loss/train",
    "validation_loss": "loss/validation",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
}
"""A row's key, and what TensorBoard calls its curve; a layer's are `layers/<layer>/<figure>`."""

FLUSH = 20
"""Seconds until what was added can be seen in TensorBoard."""


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
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 (it is an extra)

        try:
            self._writer = SummaryWriter(str(directory), purge_step=after + 1, flush_secs=FLUSH)
        except OSError as error:
            raise ConfigError(
                f"{directory} must be a directory that event files can be written in "
                f"({error.strerror}): choose another"
            ) from None

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of a training's log; what it has not, or has as None, is left out."""
        step = row["iteration"]
        figures = {tag: row.get(key) for key, tag in TAGS.items()}
        for layer, own in row.get("layers", {}).items():
            figures |= {f"layers/{layer}/{figure}": value for figure, value in own.items()}
        for tag, value in figures.items():
            if value is not None:
                self._writer.add_scalar(tag, value, step)

    def close(self) -> None:
        """Write what is not yet written, and end the file."""
        self._writer.close()
