"""What `train` and `train-translator` share: go through a training, and keep the best model."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from pellucid.text import Tokenizer


def keep_best(
    screen: Console, steps: Iterator[Any], pieces: "Tokenizer", out: Path, *, total: int
) -> Any:
    """Go through the steps of a training, showing them, and return the best model.

    The best by validation loss is in `out` as soon as it is found, with its tokenizer: Ctrl-C ends
    the training with a line that says what is kept.
    """
    from pellucid.checkpoint import save
    from pellucid.report.progress import with_progress

    best, model = float("inf"), None
    place = escape(str(out))
    try:
        for step in with_progress(screen, steps, total):
            if step.validation_loss is not None and step.validation_loss < best:
                best, model = step.validation_loss, step.model
                notes = {"iteration": str(step.iteration), "validation_loss": f"{best:.6f}"}
                save(model, out, metadata=notes)
                pieces.save(out / "tokenizer.json")
    except KeyboardInterrupt:
        kept = f"with validation loss {best:.4f} is" if model else "is not yet"
        screen.print(f"stopped: a model {kept} in {place}", soft_wrap=True)
        raise typer.Exit(130) from None
    screen.print(f"best validation loss {best:.4f} nats a token, kept in {place}", soft_wrap=True)
    return model
