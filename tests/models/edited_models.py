"""Small models of several kinds, and edits of what they compute."""

from pellucid.models import (
    GPT,
    Edit,
    GPTConfig,
    edit_axes,
    editable,
)
from tests.models.examples import MODELS, random_params, tiny

CONFIGS = MODELS | {"untied": tiny(tied=False), "post, lora": tiny(norm="post", lora_rank=2)}


def model_of(label: str = "pre") -> GPT:
    return GPT(CONFIGS[label], random_params(CONFIGS[label]))


def some_edits(config: GPTConfig) -> list[Edit]:
    """One number, a row and a column of every editable activation of the model."""
    edits = []
    for name in editable(config):
        axes = edit_axes(config, name)
        edits.append(Edit(name, 0.7, (1,) * len(axes)))
        edits.append(Edit(name, -0.4, (0, 2) if len(axes) > 2 else (2,)))
    return edits
