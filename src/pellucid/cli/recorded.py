"""How the commands that look into one step record it."""

from typing import TYPE_CHECKING, Any

from pellucid.cli.options.text import not_empty
from pellucid.shipped import SHIPPED_MODEL

if TYPE_CHECKING:
    from pellucid.train import Trace

STEP = {"learning_rate": 1e-3, "weight_decay": 0.1}
"""The optimizer's settings, of a step on a text, where the user gives no others."""


def reader_of(text: str | None, model: str | None) -> str | None:
    """The model that reads a text: the named one, or for a text of one's own the shipped one.

    None for what is, or nearly is, the name or the title of a worked example, which `find_example`
    then knows or asks for; a name is one word.
    """
    from pellucid.examples import is_near_example

    own = text is not None and any(map(str.isspace, text)) and not is_near_example(text)
    return shipped_reader() if model is None and own else model


def shipped_reader() -> str:
    """The shipped model, after a line that says that it was taken."""
    import typer

    typer.echo(f"no --model is named: {SHIPPED_MODEL} reads the text", err=True)
    return SHIPPED_MODEL


def record_text(
    text: str | None, model: str, how: dict[str, Any], update: dict[str, Any] | None
) -> "Trace":
    """One step of a model on a text; `how` is `opening`'s."""
    from pellucid.checkpoint import open_model
    from pellucid.train import record_step

    words = not_empty(text)
    gpt, tokenizer = open_model(model, **how)
    return record_step(gpt, tokenizer.prompt(words), tokenizer, update=update)
