"""Small models of several kinds, and interventions of what they compute."""

from pellucid.models import (
    GPT,
    Intervention,
    intervention_names,
    intervention_sizes,
)
from tests.models.examples import MODELS, random_params, tiny

CONFIGS = MODELS | {"untied": tiny(tied=False), "post, lora": tiny(norm="post", lora_rank=2)}


def model_of(label: str = "pre") -> GPT:
    return GPT(CONFIGS[label], random_params(CONFIGS[label]))


def some_interventions(model: GPT) -> list[Intervention]:
    """One number, a row and a column of every activation that can be set."""
    interventions = []
    for name in intervention_names(model):
        axes = intervention_sizes(model, name)
        interventions.append(
            Intervention(name, 0.7, tuple(min(1, (size or 2) - 1) for size in axes))
        )
        interventions.append(Intervention(name, -0.4, (0, 2) if len(axes) > 2 else (2,)))
    return interventions
