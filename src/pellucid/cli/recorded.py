"""What the commands that look into one step share: the model it is of, and its recording."""

from typing import TYPE_CHECKING, Any

from pellucid.cli.options.model import Dtype, device_of, dtype_of
from pellucid.cli.options.text import not_empty
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.train import Trace

STEP = {"learning_rate": 1e-3, "weight_decay": 0.1}
"""The optimizer's settings, of a step on a text, where the user gives no others."""


def opening(
    model: str | None, tokenizer: str | None, dtype: Dtype | None, device: str = "cpu"
) -> dict[str, Any]:
    """What `open_model` is told beside the name; `ConfigError` where it is said of an example."""
    if model is None and (tokenizer or dtype or device != "cpu"):
        raise ConfigError(
            "a worked example has a tokenizer and a dtype of its own and is computed by the "
            "processor: leave out --tokenizer, --dtype and --device, or give a --model"
        )
    return {"tokenizer": tokenizer, "dtype": dtype_of(dtype), "device": device_of(device)}


def record_text(
    text: str | None, model: str, how: dict[str, Any], update: dict[str, Any] | None
) -> "Trace":
    """One step of a model on a text; `how` is `opening`'s."""
    from pellucid.checkpoint import open_model
    from pellucid.train import record_step

    words = not_empty(text)
    gpt, tokenizer = open_model(model, **how)
    return record_step(gpt, tokenizer.encode(words), tokenizer, update=update)
