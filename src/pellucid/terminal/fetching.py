"""A model on its way into the cache: a bar of its bytes, on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pellucid.terminal.screen import Screen


@contextmanager
def fetching(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show a bar for `size` bytes; yields what takes how many have come."""
    from rich.progress import (  # noqa: PLC0415 - most commands fetch nothing
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TransferSpeedColumn,
    )

    console = Screen(stderr=True, highlight=False)
    console.print(f"{name} is fetched once: {size:,} bytes", markup=False)
    columns = BarColumn(bar_width=28), DownloadColumn(), TransferSpeedColumn()
    with Progress(
        TextColumn("{task.description}"),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(name, total=size)
        yield lambda come: bar.update(task, completed=come)
