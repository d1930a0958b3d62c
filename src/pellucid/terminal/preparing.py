"""Texts on their way into files of tokens: a bar while it goes, and what came of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from pellucid.text.prepare import TOKENIZER, TRAIN, VALID, Data, Watch


@contextmanager
def preparing(console: Console) -> Iterator[Watch]:
    """A bar in the terminal for what is being done; without a known end where there is none."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=None)
        doing = ""

        def watch(what: str, total: int | None, count: int) -> None:
            nonlocal task, doing
            if what != doing:
                doing = what
                bar.remove_task(task)
                task = bar.add_task(what, total=total)
            bar.advance(task, count)

        yield watch


def prepared_lines(data: Data, out: Path) -> Iterator[str]:
    """What was written, and of what a tokenizer was learnt."""
    kind = data.files[TOKENIZER]["kind"]
    if data.learnt_from:
        some, of = data.learnt_from["characters"], data.learnt_from["of"]
        spread = "" if some == of else ", in pieces spread evenly over them"
        yield f"{kind} learnt from {some:,} of {of:,} characters{spread}"
    held_out = "named" if data.held_out is None else f"the last {data.held_out:.3g} of all tokens"
    yield f"{out / TRAIN}: {data.tokens(TRAIN):,} tokens to train on"
    yield f"{out / VALID}: {data.tokens(VALID):,} tokens to validate, {held_out}"
    between = "nothing" if data.separator is None else f"token {data.separator}"
    yield f"{kind}, {data.vocab_size:,} ids, {data.dtype}; {between} between two documents"
