"""The families of Llama's kind that transformers has, each by what it decides.

Source: transformers, models/llama, mistral, qwen2, qwen3 and smollm3: configuration_*.py and
modeling_*.py.
"""

from collections.abc import Mapping
from typing import Any

from pellucid.errors import CheckpointError
from pellucid.models.adapter import Adapter
from pellucid.models.huggingface_settings import TIED
from pellucid.models.llama.config import LlamaConfig
from pellucid.models.llama.huggingface import LlamaKind, writer
from pellucid.models.llama.model import Llama

Settings = Mapping[str, Any]


def window_fields(settings: Settings) -> dict[str, Any]:
    """Qwen's window: for the blocks from `max_window_layers` on, where it is used at all."""
    if not settings.get("use_sliding_window"):
        return {"window": None}
    from_block = settings.get("max_window_layers", 28)
    return {"window": settings.get("sliding_window"), "windowed_from": from_block}


def window_settings(config: LlamaConfig) -> dict[str, Any]:
    """The same in Qwen's words."""
    used = config.window is not None
    return {
        "use_sliding_window": used,
        "sliding_window": config.window,
        "max_window_layers": config.windowed_from if used else config.n_layer,
    }


LLAMA = LlamaKind(
    title="Llama",
    model_type="llama",
    model_class="LlamaForCausalLM",
    defaults={"max_position_embeddings": 2048, "rms_norm_eps": 1e-6},
    used=("attention_bias", "mlp_bias"),
    fields=lambda said: {
        "qkv_bias": said.get("attention_bias", False),
        "out_bias": said.get("attention_bias", False),
        "mlp_bias": said.get("mlp_bias", False),
    },
    own=lambda config: {"attention_bias": config.qkv_bias, "mlp_bias": config.mlp_bias},
)

MISTRAL = LlamaKind(
    title="Mistral",
    model_type="mistral",
    model_class="MistralForCausalLM",
    defaults={"max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "num_key_value_heads": 8},
    used=("sliding_window",),
    fields=lambda said: {"window": said.get("sliding_window")},
    own=lambda config: {"sliding_window": config.window},
)

_QWEN = ("sliding_window", "use_sliding_window", "max_window_layers", "layer_types")

QWEN2 = LlamaKind(
    title="Qwen 2",
    model_type="qwen2",
    model_class="Qwen2ForCausalLM",
    defaults={"max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "num_key_value_heads": 32},
    used=_QWEN,
    fields=lambda said: {"qkv_bias": True, **window_fields(said)},
    own=window_settings,
)

QWEN3 = LlamaKind(
    title="Qwen 3",
    model_type="qwen3",
    model_class="Qwen3ForCausalLM",
    defaults={
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6,
        "num_key_value_heads": 32,
        "head_dim": 128,
    },
    used=(*_QWEN, "attention_bias"),
    fields=lambda said: {
        "qk_norm": True,
        "qkv_bias": said.get("attention_bias", False),
        "out_bias": said.get("attention_bias", False),
        **window_fields(said),
    },
    own=lambda config: {"attention_bias": config.qkv_bias, **window_settings(config)},
)


def rotated_fields(settings: Settings) -> dict[str, Any]:
    """SmolLM3's blocks without positions, which must be each so-manyth; it lists all blocks."""
    count = settings["num_hidden_layers"]
    listed = settings.get("no_rope_layers")  # 1 for a block that has positions, whatever the name
    every = settings.get("no_rope_layer_interval", 4)
    if listed is not None:
        flat = isinstance(listed, list) and all(one in (0, 1) for one in listed)
        every = listed.index(0) + 1 if flat and 0 in listed else None
        if not flat or listed != rotations(count, every):
            raise CheckpointError(
                f"config.json: no_rope_layers must be 1 for each of {count} blocks, and 0 for each "
                f"so-manyth, and is {str(listed)[:60]}; such a model cannot be loaded"
            )
    return {"unrotated_every": every}


def rotations(count: int, every: int | None) -> list[int]:
    """The same in its words: 1 for each block that has positions."""
    return [int(every is None or (number + 1) % every != 0) for number in range(count)]


SMOLLM3 = LlamaKind(
    title="SmolLM3",
    model_type="smollm3",
    model_class="SmolLM3ForCausalLM",
    defaults={
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6,
        "num_key_value_heads": 4,
        TIED: True,
        "rope_theta": 2_000_000.0,
    },
    used=(*_QWEN, "attention_bias", "mlp_bias", "no_rope_layers", "no_rope_layer_interval"),
    fields=lambda said: {
        "qkv_bias": said.get("attention_bias", False),
        "out_bias": said.get("attention_bias", False),
        "mlp_bias": said.get("mlp_bias", False),
        **rotated_fields(said),
    },
    own=lambda config: {
        "attention_bias": config.qkv_bias,
        "mlp_bias": config.mlp_bias,
        "no_rope_layers": rotations(config.n_layer, config.unrotated_every),
        # Its own defaults are ids of a larger vocabulary, and transformers then makes no model.
        **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id")),
    },
)

FAMILIES = (LLAMA, MISTRAL, QWEN2, QWEN3, SMOLLM3)
"""All of them; a model is written as the first that can say all of it."""

LLAMA_ADAPTERS = tuple(
    Adapter("huggingface", kind.model_type, Llama, kind.read, writer(FAMILIES)) for kind in FAMILIES
)
"""Their places among the layouts that we know."""
