"""A training's progress in the terminal: a bar, and a line an evaluation."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pellucid.models import CausalModel, Transformer
from pellucid.train import Progress as Step

RECENT = 20
"""The bar shows the mean loss of so many batches; a single one's jumps about."""

M = TypeVar("M", CausalModel, Transformer)


def with_progress(console: Console, steps: Iterable[Step[M]], total: int) -> Iterator[Step[M]]:
    """Pass the steps through, and show each: loss, tokens a second, time left.

    The line of an evaluation gives the mean training loss since the one before it.
    """
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
        losses: list[float] = []
        for step in steps:
            losses.append(step.loss)
            recent = losses[-RECENT:]
            bar.update(
                task,
                completed=step.iteration,
                loss=sum(recent) / len(recent),
                speed=step.tokens_per_second,
            )
            if step.validation_loss is not None:
                console.print(
                    f"iteration {step.iteration:>6}  "
                    f"training loss {sum(losses) / len(losses):.4f}  "
                    f"validation [bold]{step.validation_loss:.4f}[/]{_beside(step)}  "
                    f"learning rate {step.learning_rate:.1e}  "
                    f"{step.tokens_per_second:,.0f} tokens/s",
                    highlight=False,
                )
                losses.clear()
            yield step


def _beside(step: Step[M]) -> str:
    """What the weights themselves reach where their mean is kept too."""
    return "" if step.loss_without is None else f" ({step.loss_without:.4f} without the mean)"
