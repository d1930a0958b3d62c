"""How the commands that look into one step record it."""

import re
from typing import TYPE_CHECKING, Any

from pellucid.cli.options.text import not_empty
from pellucid.shipped import SHIPPED_MODEL

if TYPE_CHECKING:
    from pellucid.train import Trace

STEP = {"learning_rate": 1e-3, "weight_decay": 0.1}
"""The optimizer's settings, of a step on a text, where the user gives no others."""


def reader_of(text: str | None, model: str | None) -> str | None:
    """The model that reads a text: the named one, or for a text of one's own the shipped one.

    None for the name of a worked example, which is one word; or its title, for `find_example` to
    ask what was meant.
    """
    from pellucid.examples import EXAMPLES

    if model is not None or text is None or not any(map(str.isspace, text)):
        return model
    name = "_".join(re.findall(r"\w+", text.casefold()))
    return None if name in EXAMPLES else shipped_reader()


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
    return record_step(gpt, tokenizer.encode(words), tokenizer, update=update)
