"""The families of Llama's kind that transformers has, each by what it decides.

Source: transformers, models/llama, mistral, qwen2 and qwen3: configuration_*.py and modeling_*.py.
"""

from collections.abc import Mapping
from typing import Any

from pellucid.models.adapter import Adapter
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

FAMILIES = (LLAMA, MISTRAL, QWEN2, QWEN3)
"""All of them; a model is written as the first that can say all of it."""

LLAMA_ADAPTERS = tuple(
    Adapter("huggingface", kind.model_type, Llama, kind.read, writer(FAMILIES)) for kind in FAMILIES
)
"""Their places among the layouts that we know."""
