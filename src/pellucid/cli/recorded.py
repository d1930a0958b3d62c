"""How the commands that look into one step record it."""

from typing import TYPE_CHECKING, Any

from pellucid.cli.options.text import not_empty

if TYPE_CHECKING:
    from pellucid.train import Trace

STEP = {"learning_rate": 1e-3, "weight_decay": 0.1}
"""The optimizer's settings, of a step on a text, where the user gives no others."""


def record_text(
    text: str | None, model: str, how: dict[str, Any], update: dict[str, Any] | None
) -> "Trace":
    """One step of a model on a text; `how` is `opening`'s."""
    from pellucid.checkpoint import open_model
    from pellucid.train import record_step

    words = not_empty(text)
    gpt, tokenizer = open_model(model, **how)
    return record_step(gpt, tokenizer.encode(words), tokenizer, update=update)
