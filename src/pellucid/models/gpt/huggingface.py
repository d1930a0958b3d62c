"""GPT-2 and GPT-1 as Hugging Face's transformers stores them, in and out.

The names of the tensors are ours behind `transformer.`, but for GPT-1's embeddings, and the
(in, out) layout of the linear maps is ours too.
Source: transformers, models/gpt2 and models/openai: configuration_*.py and modeling_*.py.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from pellucid.errors import CheckpointError
from pellucid.models.adapter import (
    Adapter,
    Stored,
    Tensors,
    Unopened,
    check,
    check_settings,
    configure,
    rename,
    untie,
)
from pellucid.models.gpt.config import GPTConfig
from pellucid.models.gpt.model import GPT
from pellucid.models.huggingface_settings import IDLE, TIED
from pellucid.models.lora import merged
from pellucid.tree import flatten

PREFIX = "transformer."
# Causal masks and the numbers 0, 1, 2 …, which older versions stored with the weights.
MASK = re.compile(r"h\.\d+\.attn\.(masked_)?bias|position_ids")

# Our fields under transformers' names; its own two for a size mean the same.
SIZES = {
    "vocab_size": ("vocab_size",),
    "block_size": ("max_position_embeddings", "n_positions"),
    "n_layer": ("num_hidden_layers", "n_layer"),
    "n_head": ("num_attention_heads", "n_head"),
    "n_embd": ("hidden_size", "n_embd"),
    "eps": ("layer_norm_epsilon",),
}

FIXED = {"pruned_heads": {}, "add_cross_attention": False}
"""Settings of either architecture that change a formula, each with the value it must have."""


class HuggingFaceKind(NamedTuple):
    """One architecture, in transformers' words."""

    title: str
    model_type: str
    model_class: str
    activation: str  # the setting's name; "gelu_new" and "gelu" are not the same formula in both
    activations: dict[str, str]  # theirs to ours; the first of several of ours is written
    sizes: Mapping[str, tuple[str, ...]]
    blocks: dict[str, Any]  # our fields that the architecture decides
    fixed: Mapping[str, Any]  # settings that change a formula, each with the value it must have
    tables: Mapping[str, str]  # our names of the embeddings to theirs

    def read(self, stored: Stored) -> tuple[GPTConfig, Unopened]:
        """Our configuration and our tensors."""
        settings, at = stored.settings, stored.settings_at
        named = {name for names in self.sizes.values() for name in names}
        used = named | {self.activation, TIED}
        check_settings(stored, self.title, used=used, fixed={**self.fixed, **FIXED}, idle=IDLE)
        activation = settings.get(self.activation, next(iter(self.activations)))
        if not isinstance(activation, str) or activation not in self.activations:
            raise CheckpointError(
                f"{at}: {self.activation} must be one of {', '.join(self.activations)}; it is "
                f"{activation!r}; such a model cannot be loaded"
            )
        tensors = rename(stored.tensors, self.our_name, stored.tensors_at)
        tied = settings.get(TIED, True)
        if tied and "wte.weight" not in tensors and "lm_head.weight" in tensors:
            # Of two names for one tensor some writers keep one.
            tensors["wte.weight"] = tensors.pop("lm_head.weight")
        if tied and untie(tensors):
            raise CheckpointError(
                f"{at} must say whether lm_head.weight is wte.weight; {TIED} is {tied!r}, and the "
                "weights have a head of their own; set it to false to use that head, or remove the "
                "head"
            )
        chosen = {"activation": self.activations[activation], "tied": bool(tied)}
        return configure(at, GPTConfig, **self.blocks | self._sizes(stored) | chosen), tensors

    def _sizes(self, stored: Stored) -> dict[str, Any]:
        """Our sizes; one that is left out has the architecture's value."""
        sizes = {}
        for ours, names in self.sizes.items():
            said = {name: stored.settings.get(name) for name in names}
            given = {name: size for name, size in said.items() if size is not None}
            if len({repr(size) for size in given.values()}) > 1:
                both = " and ".join(f"{name} is {size!r}" for name, size in given.items())
                raise CheckpointError(
                    f"{stored.settings_at} must give a size once, or twice alike; {both}; restore "
                    "the file"
                )
            if given:
                sizes[ours] = next(iter(given.values()))
        return sizes

    def can_express(self, config: GPTConfig) -> bool:
        """Whether the architecture has a model of this configuration."""
        decided = all(getattr(config, field) == value for field, value in self.blocks.items())
        usual = "n_inner" in self.sizes or config.inner == 4 * config.n_embd
        return decided and usual and config.activation in self.activations.values()

    def settings(self, config: GPTConfig) -> dict[str, Any]:
        """The `config.json` of a model, with GPT-2's end of text where the vocabulary has it."""
        activations = {ours: theirs for theirs, ours in reversed(self.activations.items())}
        sizes = {names[-1]: getattr(config, ours) for ours, names in self.sizes.items()}
        own = {
            "architectures": [self.model_class],
            "model_type": self.model_type,
            **sizes,
            self.activation: activations[config.activation],
            TIED: config.tied,
            **self.fixed,
        }
        end_of_text = 50256 if config.vocab_size > 50256 else None
        ends = {"bos_token_id": end_of_text, "eos_token_id": end_of_text}
        return own | ends if self is GPT2 else own

    def our_name(self, name: str) -> str | None:
        """The tensor's name here, from theirs; None for what is no parameter."""
        bare = name.removeprefix(PREFIX)
        table = {theirs: ours for ours, theirs in self.tables.items()}
        first, dot, rest = bare.partition(".")
        return None if MASK.fullmatch(bare) else table.get(first, first) + dot + rest

    def their_name(self, name: str) -> str:
        """The tensor's name there."""
        first, dot, rest = name.partition(".")
        return name if first == "lm_head" else PREFIX + self.tables.get(first, first) + dot + rest


GPT2 = HuggingFaceKind(
    title="GPT-2",
    model_type="gpt2",
    model_class="GPT2LMHeadModel",
    activation="activation_function",
    activations={
        "gelu_new": "gelu_tanh",
        "gelu_pytorch_tanh": "gelu_tanh",
        "gelu": "gelu_erf",
        "relu": "relu",
    },
    sizes=SIZES | {"n_inner": ("n_inner",)},
    blocks={"norm": "pre", "final_norm": True},
    fixed={
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    },
    tables={},
)

GPT1 = HuggingFaceKind(
    title="GPT-1",
    model_type="openai-gpt",
    model_class="OpenAIGPTLMHeadModel",
    activation="afn",
    # What transformers calls "gelu" in this architecture is GPT-2's tanh formula.
    activations={"gelu": "gelu_tanh", "relu": "relu"},
    sizes=SIZES,
    blocks={"norm": "post", "final_norm": False},
    fixed={},
    tables={"wte": "tokens_embed", "wpe": "positions_embed"},
)


def write(model: GPT) -> tuple[dict[str, Any], Tensors]:
    """The settings and tensors of a model, as transformers reads them; `CheckpointError` if none.

    LoRA's matrices are merged. Both kinds have a bias everywhere, so missing ones are zeros.
    """
    config = replace(model.config, lora_rank=0)
    kind = next((kind for kind in (GPT2, GPT1) if kind.can_express(config)), None)
    if kind is None:
        raise CheckpointError(
            "transformers' GPT-2 has pre-norm blocks and a final norm, and its GPT-1 post-norm, no "
            "final norm, an inner width of 4C and gelu_tanh or relu; this model has "
            f"norm={config.norm!r}, final_norm={config.final_norm}, n_inner={config.inner} and "
            f"activation={config.activation!r}; keep it in Pellucid's own format with save"
        )
    params = flatten(merged(model).params)
    check(config.parameter_shapes(), params, "a model to export")
    zeros = {
        name: torch.zeros(shape, dtype=model.dtype)
        for name, shape in replace(config, bias=True).parameter_shapes().items()
        if name not in params
    }
    tensors = {kind.their_name(name): tensor for name, tensor in (params | zeros).items()}
    return kind.settings(config), tensors


HUGGING_FACE = tuple(
    Adapter("huggingface", kind.model_type, GPT, kind.read, write) for kind in (GPT2, GPT1)
)
