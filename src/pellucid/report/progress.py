"""A training's progress in the terminal: a bar, and a line an evaluation."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pellucid.train import Progress as Step

SMOOTHING = 0.95
"""How much of the loss on the bar is the losses before; a single batch's jumps about."""


def with_progress(console: Console, steps: Iterable[Step], total: int) -> Iterator[Step]:
    """Pass the steps through, and show each: loss, tokens a second, time left."""
    bar = Progress(
        TextColumn("training"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TextColumn("{task.fields[speed]:,.0f} tokens/s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=total, loss=float("nan"), speed=0.0)
        smooth = None
        for step in steps:
            smooth = (
                step.loss if smooth is None else SMOOTHING * smooth + (1 - SMOOTHING) * step.loss
            )
            bar.update(task, completed=step.iteration, loss=smooth, speed=step.tokens_per_second)
            if step.validation_loss is not None:
                console.print(
                    f"iteration {step.iteration:>6}   training loss {smooth:.4f}   "
                    f"validation loss [bold]{step.validation_loss:.4f}[/]   "
                    f"learning rate {step.learning_rate:.2e}   "
                    f"{step.tokens_per_second:,.0f} tokens/s",
                    highlight=False,
                )
            yield step
