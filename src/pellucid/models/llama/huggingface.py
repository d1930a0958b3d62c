"""Models of Llama's family as Hugging Face's transformers stores them, in and out.

All have one layout of tensors; linear maps are (out, in) there. A family is a `LlamaKind`: what it
decides, and what its settings are called. `families` has them all.
Source: transformers, models/llama/configuration_llama.py and modeling_llama.py.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pellucid.errors import CheckpointError
from pellucid.models.adapter import (
    Stored,
    Tensors,
    Unopened,
    check,
    check_settings,
    configure,
    rename,
    untie,
)
from pellucid.models.huggingface_settings import IDLE, TIED
from pellucid.models.llama.config import LlamaConfig
from pellucid.models.llama.model import Llama
from pellucid.models.llama.rope_settings import ROPE, rope_fields, rope_settings
from pellucid.models.lora import merged
from pellucid.tree import flatten

Settings = Mapping[str, Any]

SIZES = {
    "vocab_size": "vocab_size",
    "block_size": "max_position_embeddings",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_kv_head": "num_key_value_heads",
    "n_embd": "hidden_size",
    "n_inner": "intermediate_size",
    "eps": "rms_norm_eps",
}
"""Our fields under transformers' names."""

NEEDED = ("vocab_size", "n_layer", "n_head", "n_embd", "n_inner")
"""Sizes that no family has a value for that people rely on."""

ACTIVATIONS = {
    "silu": "silu",
    "swish": "silu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "gelu": "gelu_erf",
}
"""Theirs to ours; the first of several for one of ours is written."""

MORE_IDLE = IDLE | {
    *("attention_dropout", "pretraining_tp", "is_llama_config", "transformers.js_config"),
}

NAMES = {
    "wte": "model.embed_tokens",
    "ln_f": "model.norm",
    "ln_1": "input_layernorm",
    "ln_2": "post_attention_layernorm",
    "attn.c_proj": "self_attn.o_proj",
    "mlp.c_proj": "mlp.down_proj",
    "attn": "self_attn",
}
"""Our paths to theirs, within a block and outside; what is not here has the same name in both."""

_BLOCK = re.compile(r"(?:model\.layers|h)\.(\d+)\.(.+)")
_UNUSED = re.compile(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq")
"""The rotations' frequencies, which older versions stored with the weights."""


FIXED = {"rope_interleaved": False}
"""Settings that change a formula, each with the value it must have."""


class LlamaKind(NamedTuple):
    """One family, in transformers' words.

    `fields` gives our fields beside the sizes from its settings, and `own` its settings beside the
    sizes from a configuration; `used` are the settings that `fields` reads.
    """

    title: str
    model_type: str
    model_class: str
    defaults: Settings  # of settings that a file may leave out
    used: tuple[str, ...]
    fields: Callable[[Settings], dict[str, Any]]
    own: Callable[[LlamaConfig], dict[str, Any]]

    def read(self, stored: Stored) -> tuple[LlamaConfig, Unopened]:
        """Our configuration and our tensors."""
        used = {*SIZES.values(), *ROPE, *self.used, "head_dim", "hidden_act", TIED}
        check_settings(stored, self.title, used=used, fixed=FIXED, idle=MORE_IDLE)
        said = {name: value for name, value in stored.settings.items() if value is not None}
        if missing := [SIZES[name] for name in NEEDED if SIZES[name] not in said]:
            raise CheckpointError(
                f"{stored.settings_at} must give the sizes of the model; it lacks "
                f"{', '.join(missing)}; restore the file"
            )
        config = self.config({**self.defaults, **said}, stored.settings_at)
        tensors = rename(stored.tensors, our_name, stored.tensors_at)
        if config.tied and untie(tensors):
            raise CheckpointError(
                f"{stored.settings_at} must say whether lm_head.weight is the embedding; {TIED} is "
                "true, and the weights have a head of their own; set it to false to use that head, "
                "or remove the head"
            )
        return config, {
            name: value.mT if is_map(name) and value.dim() == 2 else value
            for name, value in tensors.items()
        }

    def config(self, settings: Settings, at: object) -> LlamaConfig:
        """Our configuration from settings that are all there."""
        activation = settings.get("hidden_act", "silu")
        if not isinstance(activation, str) or activation not in ACTIVATIONS:
            raise CheckpointError(
                f"{at}: hidden_act must be one of {', '.join(ACTIVATIONS)}; it is {activation!r}; "
                "such a model cannot be loaded"
            )
        sizes = {ours: settings[theirs] for ours, theirs in SIZES.items() if theirs in settings}
        sizes.setdefault("n_kv_head", sizes["n_head"])
        whole: dict[str, Any] = {
            **sizes,
            **rope_fields(settings, at),
            "activation": ACTIVATIONS[activation],
            "tied": settings.get(TIED, False),
            "head_size": _head_size(settings),
        }
        return configure(at, LlamaConfig, **whole | self.fields(settings))

    def settings(self, config: LlamaConfig) -> dict[str, Any]:
        """The `config.json` of a model."""
        activations = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}
        return {
            "architectures": [self.model_class],
            "model_type": self.model_type,
            **{theirs: getattr(config, ours) for ours, theirs in SIZES.items()},
            "head_dim": config.head,
            "hidden_act": activations[config.activation],
            TIED: config.tied,
            **rope_settings(config),
            **self.own(config),
        }

    def can_express(self, config: LlamaConfig) -> bool:
        """Whether what is written of the configuration says all of it."""
        said = {name: one for name, one in self.settings(config).items() if one is not None}
        return self.config({**self.defaults, **said}, "a configuration") == config


def is_map(name: str) -> bool:
    """Whether the tensor is a linear map's weight, which is (out, in) there."""
    return name.endswith("_proj.weight")


def our_name(name: str) -> str | None:
    """The tensor's name here, from theirs; None for what is no parameter."""
    if _UNUSED.fullmatch(name):
        return None
    table = {theirs: ours for ours, theirs in NAMES.items()}
    block = _BLOCK.fullmatch(name)
    return f"h.{block[1]}.{_renamed(block[2], table)}" if block else _renamed(name, table)


def their_name(name: str) -> str:
    """The tensor's name there."""
    block = _BLOCK.fullmatch(name)
    if block:
        return f"model.layers.{block[1]}.{_renamed(block[2], NAMES)}"
    return _renamed(name, NAMES)


def _renamed(name: str, table: Mapping[str, str]) -> str:
    for path, other in table.items():
        if name.startswith(f"{path}."):
            return other + name.removeprefix(path)
    return name


def _head_size(settings: Settings) -> int | None:
    """The size of a head, where it is not what the width and the heads make it."""
    size, width, heads = (
        settings.get(name) for name in ("head_dim", "hidden_size", "num_attention_heads")
    )
    counts = [one for one in (size, width, heads) if isinstance(one, int)]
    return None if len(counts) == 3 and counts[0] * counts[2] == counts[1] else size


def writer(kinds: Sequence[LlamaKind]) -> Callable[[Llama], tuple[dict[str, Any], Tensors]]:
    """What writes a model as one of these families."""

    def write(model: Llama) -> tuple[dict[str, Any], Tensors]:
        """The settings and tensors of a model, as transformers reads them.

        LoRA's matrices are merged. Raises `CheckpointError` where no family has all of the model.
        """
        config = replace(model.config, lora_rank=0)
        kind = next((kind for kind in kinds if kind.can_express(config)), None)
        if kind is None:
            raise CheckpointError(
                f"transformers has {', '.join(kind.title for kind in kinds)}, and none of them "
                f"has all of this model: {config}; keep it in Pellucid's own format with save"
            )
        params = flatten(merged(model).params)
        check(config.parameter_shapes(), params, "a model to export")
        tensors = {
            their_name(name): value.mT.contiguous() if is_map(name) else value
            for name, value in params.items()
        }
        return kind.settings(config), tensors

    return write
