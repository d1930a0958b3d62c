"""litgpt's model of Llama's family, trained as its own scripts do: by autograd and torch.compile.

`open_contender(task)` reads `task.common`, a Llama as transformers has it, whose sizes its
config.json tells, and makes training steps; it does nothing else. nanochat's model is none of
Llama's family (its feed-forward network is not gated, and it adds tables of values), so that no
weights are common to both and its losses cannot be compared.
"""

import json
import re
from pathlib import Path
from typing import Any

import torch
from litgpt import GPT, Config
from safetensors.torch import load_file
from torch import Tensor

from contenders.task import Contender, Task
from contenders.torch_tools import module_training, set_up

PACKAGES = ("litgpt", "torch")
NAMES = {
    "embed_tokens": "transformer.wte",
    "norm": "transformer.ln_f",
    "lm_head": "lm_head",
    "input_layernorm": "norm_1",
    "post_attention_layernorm": "norm_2",
    "o_proj": "attn.proj",
    "gate_proj": "mlp.fc_1",
    "up_proj": "mlp.fc_2",
    "down_proj": "mlp.proj",
}
"""What litgpt calls the layers that transformers has; queries, keys and values are one of its."""


def prepare(task: Task) -> bool:  # noqa: ARG001 (as of every peer)
    """The common weights are read as they are."""
    return False


def settings(place: Path) -> Config:
    """litgpt's configuration of a Llama."""
    told = json.loads((place / "config.json").read_text())
    rope = told.get("rope_parameters") or told
    return Config(
        block_size=told["max_position_embeddings"],
        vocab_size=told["vocab_size"],
        padding_multiple=1,
        n_layer=told["num_hidden_layers"],
        n_head=told["num_attention_heads"],
        n_query_groups=told["num_key_value_heads"],
        n_embd=told["hidden_size"],
        intermediate_size=told["intermediate_size"],
        norm_eps=told["rms_norm_eps"],
        rope_base=rope["rope_theta"],
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP",
    )


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights by litgpt's names."""
    found: dict[str, Tensor] = {}
    for name, leaf in weights.items():
        block = re.search(r"layers\.\d+\.", name)
        before = block.group().replace("layers", "transformer.h") if block else ""
        layer = name.removesuffix(".weight").rpartition(".")[2]
        if layer == "q_proj":
            maps = [weights[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            found[f"{before}attn.qkv.weight"] = torch.cat(maps)
        elif layer in NAMES:
            found[f"{before}{NAMES[layer]}.weight"] = leaf
    return found


def load_model(place: Path) -> GPT:
    """The model with the weights of a directory; a head that is tied stays so."""
    weights = renamed(load_file(place / "model.safetensors"))
    model = GPT(settings(place))
    if "lm_head.weight" not in weights:
        model.lm_head.weight = model.transformer.wte.weight
        weights["lm_head.weight"] = weights["transformer.wte.weight"]
    model.load_state_dict(weights)
    return model


def open_contender(task: Task) -> Contender:
    """The model, compiled where the variant says so."""
    set_up(task)
    model = load_model(task.common)
    run: Any = torch.compile(model) if "compiled" in task.variant else model

    def loss_of(tokens: Tensor, targets: Tensor) -> Tensor:
        logits = run(tokens)
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    return module_training(model, loss_of, task)
