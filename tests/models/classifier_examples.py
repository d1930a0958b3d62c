"""For each pair of a classifier some networks and tables, in float64."""

from typing import Any

import torch

from pellucid.layers import REFERENCE
from pellucid.models import ClassifierConfig
from tests.judge import Example
from tests.models.examples import random_params

GENERATOR = torch.Generator().manual_seed(5)
INPUTS = torch.randn(6, 4, generator=GENERATOR, dtype=torch.float64)
TARGETS = torch.tensor([0, 1, 1, 0, 1, 0])
WANTED = torch.randn(6, 2, generator=GENERATOR, dtype=torch.float64)


def tiny(**choices: Any) -> ClassifierConfig:
    return ClassifierConfig(**({"inputs": 4, "hidden": (3, 5)} | choices))


NETWORKS = {
    "two layers": tiny(),
    "no hidden layer": tiny(hidden=()),
    "no activation, no bias": tiny(activation="none", bias=False),
    "standardized": tiny(mean=(1.0, -2.0, 0.0, 0.5), std=(2.0, 0.5, 1.0, 3.0), hidden=(3,)),
    "sign": tiny(scheme="sign", outputs=1),
}


def examples(*inputs: torch.Tensor, **constants: Any) -> dict[str, Example]:
    return {
        label: Example(
            inputs, random_params(config), {"config": config, "ops": REFERENCE} | constants
        )
        for label, config in NETWORKS.items()
    }


EXAMPLES = {
    "network": examples(INPUTS),
    "classifier_logits": examples(INPUTS),
    "classifier_loss": examples(INPUTS, TARGETS),
    "classifier_error": {
        label: example
        for label, example in examples(INPUTS, wanted=WANTED).items()
        if label != "sign"
    },
}
EXAMPLES["classifier_error"]["sign"] = examples(INPUTS, wanted=WANTED[:, :1])["sign"]
