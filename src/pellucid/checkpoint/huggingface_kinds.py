"""The two GPTs of Hugging Face's transformers: how each names its settings and its tensors.

Source: transformers, models/gpt2 and models/openai: configuration_*.py and modeling_*.py.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pellucid.errors import CheckpointError
from pellucid.models import GPTConfig

# Our fields under transformers' names; its own two for a size mean the same, the last counts.
SIZES = {
    "vocab_size": ("vocab_size",),
    "block_size": ("max_position_embeddings", "n_positions"),
    "n_layer": ("num_hidden_layers", "n_layer"),
    "n_head": ("num_attention_heads", "n_head"),
    "n_embd": ("hidden_size", "n_embd"),
    "eps": ("layer_norm_epsilon",),
}


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

    def fields(self, file: object, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Our configuration's fields; a setting that is left out has the architecture's value."""
        for name, value in self.fixed.items():
            if settings.get(name, value) != value:
                raise CheckpointError(
                    f"{file}: {name} must be {value} as in {self.title}; it is {settings[name]!r}, "
                    "another formula; such a model cannot be loaded"
                )
        activation = settings.get(self.activation, next(iter(self.activations)))
        if not isinstance(activation, str) or activation not in self.activations:
            raise CheckpointError(
                f"{file}: {self.activation} must be one of {', '.join(self.activations)}; it is "
                f"{activation!r}; such a model cannot be loaded"
            )
        sizes = {
            ours: settings[name]
            for ours, names in self.sizes.items()
            for name in names
            if settings.get(name) is not None
        }
        return self.blocks | sizes | {"activation": self.activations[activation]}

    def can_express(self, config: GPTConfig) -> bool:
        """Whether the architecture has a model of this configuration."""
        decided = all(getattr(config, field) == value for field, value in self.blocks.items())
        usual = "n_inner" in self.sizes or config.inner == 4 * config.n_embd
        return decided and usual and config.activation in self.activations.values()

    def settings(self, config: GPTConfig) -> dict[str, Any]:
        """The `config.json` of a model."""
        activations = {ours: theirs for theirs, ours in reversed(self.activations.items())}
        sizes = {names[-1]: getattr(config, ours) for ours, names in self.sizes.items()}
        return {
            "architectures": [self.model_class],
            "model_type": self.model_type,
            **sizes,
            self.activation: activations[config.activation],
            "tie_word_embeddings": config.tied,
            **self.fixed,
        }

    def our_name(self, name: str) -> str:
        """The tensor's name here, from theirs without a prefix."""
        table = {theirs: ours for ours, theirs in self.tables.items()}
        first, dot, rest = name.partition(".")
        return table.get(first, first) + dot + rest

    def their_name(self, name: str) -> str:
        """The tensor's name there, without a prefix."""
        first, dot, rest = name.partition(".")
        return self.tables.get(first, first) + dot + rest


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

KINDS = {kind.model_type: kind for kind in (GPT2, GPT1)}
"""By transformers' own name for the architecture."""
