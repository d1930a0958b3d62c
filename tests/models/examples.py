"""For each pair of `pellucid.models` some models and tokens, in float64."""

from typing import Any

import torch

from pellucid.layers import IGNORE, REFERENCE
from pellucid.models import Config, GPTConfig, draw_noise
from pellucid.models.gpt.wiring import TRUNK
from pellucid.models.llama.wiring import LLAMA_TRUNK
from pellucid.tree import Tree, unflatten
from tests.judge import Example
from tests.models.llama_examples import LLAMAS

TINY = {"vocab_size": 7, "block_size": 6, "n_layer": 2, "n_head": 2, "n_embd": 4}
TOKENS = torch.tensor([[3, 1, 4, 1, 5], [0, 2, 6, 5, 3]])
TARGETS = torch.tensor([[1, 4, IGNORE, 5, 2], [2, 6, 5, 3, IGNORE]])


def tiny(**choices: Any) -> GPTConfig:
    return GPTConfig(**(TINY | choices))


def random_params(config: Config) -> Tree:
    """Parameters of order 1, so that no gradient is small and no bias is zero."""
    generator = torch.Generator().manual_seed(3)
    return unflatten(
        {
            name: 0.6 * torch.randn(shape, generator=generator, dtype=torch.float64)
            for name, shape in config.parameter_shapes().items()
        }
    )


def random_noise(config: Config, tokens: torch.Tensor) -> Tree | None:
    return draw_noise(config, tokens, 0.3, torch.Generator().manual_seed(7), torch.float64)


MODELS = {
    "pre": tiny(),
    "post, no ln_f, relu": tiny(norm="post", final_norm=False, activation="relu"),
    "lora": tiny(lora_rank=2),
    "no bias, erf, narrow": tiny(bias=False, activation="gelu_erf", n_inner=6),
}


def trunk_examples() -> dict[str, Example]:
    examples = {}
    for label, config in MODELS.items():
        constants = {"config": config, "ops": REFERENCE}
        params = random_params(config)
        noise = {"noise": random_noise(config, TOKENS)}
        examples[label] = Example((TOKENS[0],), params, constants)
        examples[f"{label}, noise"] = Example((TOKENS,), params, constants | noise)
    return examples


def loss_examples() -> dict[str, Example]:
    examples = {}
    for label, config in (MODELS | {"untied": tiny(tied=False)}).items():
        constants = {"config": config, "ops": REFERENCE, "trunk": TRUNK}
        examples[label] = Example((TOKENS, TARGETS), random_params(config), constants)
    for label, config in LLAMAS.items():
        constants = {"config": config, "ops": REFERENCE, "trunk": LLAMA_TRUNK}
        examples[f"llama, {label}"] = Example((TOKENS, TARGETS), random_params(config), constants)
    return examples


def llama_examples() -> dict[str, Example]:
    examples = {}
    for label, config in LLAMAS.items():
        if not config.tied:
            continue  # a head is no part of the trunk
        constants = {"config": config, "ops": REFERENCE}
        examples[label] = Example((TOKENS[0],), random_params(config), constants)
        noise = {"noise": random_noise(config, TOKENS)}
        examples[f"{label}, noise"] = Example((TOKENS,), random_params(config), constants | noise)
    return examples


EXAMPLES = {
    "trunk": trunk_examples(),
    "llama_trunk": llama_examples(),
    "causal_loss": loss_examples(),
}
"""Those of an encoder and a decoder are in `transformer_examples`."""
