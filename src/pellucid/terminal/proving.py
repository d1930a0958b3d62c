"""A proof as it goes: a bar with the time that is left, and the enclosures on disk."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from pellucid.checkpoint.write import write_tensors
from pellucid.numbers import Ball
from pellucid.prove import Watch

SUFFIX = ".safetensors"


class ProofProgress(Watch):
    """Shows a bar, and where there is a directory, writes each tensor's enclosure there."""

    def __init__(self, bar: Progress, enclosures: Path | None) -> None:
        self.bar, self.enclosures = bar, enclosures
        self.task = bar.add_task("", what="")
        self.costs: Mapping[str, float] = {}

    def begins(self, what: str, costs: Mapping[str, float]) -> None:
        """A bar for the pass, in place of the one before it."""
        self.costs = costs
        self.bar.remove_task(self.task)
        self.task = self.bar.add_task("", total=sum(costs.values()), what=what)

    def done(self, name: str) -> None:
        """The bar goes on by what the name cost."""
        self.bar.advance(self.task, self.costs.get(name, 0.0))

    def enclosed(self, name: str, true: Ball) -> None:
        """Write the enclosure to a file of its own, so that no more than one is in memory."""
        if self.enclosures is not None:
            write_enclosure(self.enclosures / f"{name}{SUFFIX}", true)


def write_enclosure(path: Path, true: Ball) -> None:
    """Write balls as `midpoint` and `radius`, both float64: |true - midpoint| ≤ radius.

    Raises `WriteError` where the file cannot be written.
    """
    packed = true.packed
    radius = packed["radius"] + np.abs(packed["low"])
    rounded_up = np.where(radius > 0, np.nextafter(radius, np.inf), 0.0)
    arrays = {"midpoint": packed["high"], "radius": rounded_up}
    write_tensors(path, {name: torch.tensor(array) for name, array in arrays.items()})


@contextmanager
def shown(console: Console, enclosures: Path | None) -> Iterator[ProofProgress]:
    """A bar in the terminal for as long as a proof goes on."""
    bar = Progress(
        TextColumn("proving: {task.fields[what]}"),
        BarColumn(bar_width=28),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        yield ProofProgress(bar, enclosures)
