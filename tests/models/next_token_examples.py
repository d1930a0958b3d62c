"""For each pair of `pellucid.models.next_token.wiring` some windows, in float64."""

import torch

from pellucid.layers import REFERENCE
from pellucid.models import NextTokenConfig
from tests.judge import Example
from tests.models.examples import random_params

WINDOWS = torch.tensor([[3, 1, 4], [1, 5, 0], [0, 2, 6], [5, 3, 3]])
NEXT = torch.tensor([1, 6, 0, 1])
FORMS = {
    "vectors": NextTokenConfig(vocab_size=7, window=3, width=2, hidden=4),
    "numbers": NextTokenConfig(vocab_size=7, window=3, width=None, hidden=4),
}

EXAMPLES = {
    "next_token_logits": {
        label: Example((WINDOWS,), random_params(config), {"config": config, "ops": REFERENCE})
        for label, config in FORMS.items()
    },
    "next_token_loss": {
        label: Example((WINDOWS, NEXT), random_params(config), {"config": config, "ops": REFERENCE})
        for label, config in FORMS.items()
    },
}
