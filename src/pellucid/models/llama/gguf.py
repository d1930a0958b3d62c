"""Llama, Mistral, Qwen 2 and 3 and SmolLM3 as llama.cpp stores them in GGUF, in and out.

Maps are (out, in) there. In files of Llama and SmolLM3 the channels of each head's queries
and keys stand in pairs, 0 beside d/2, as the paper turns them; here they are put back in halves.
Source: llama.cpp, convert_hf_to_gguf.py and src/llama-arch.cpp.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import CheckpointError
from pellucid.models.adapter import Adapter, Stored, Tensors, Unopened, check, configure, rename
from pellucid.models.gguf_layout import (
    ARCHITECTURE,
    check_positive,
    our_name,
    own_settings,
    their_name,
)
from pellucid.models.lazy_tensor import Leaf, in_rows, opened
from pellucid.models.llama.config import LlamaConfig, RotaryScaling
from pellucid.models.llama.model import Llama
from pellucid.models.lora import merged
from pellucid.tree import flatten

SIZES = {
    "block_size": "context_length",
    "n_layer": "block_count",
    "n_head": "attention.head_count",
    "n_embd": "embedding_length",
    "n_inner": "feed_forward_length",
    "eps": "attention.layer_norm_rms_epsilon",
}
"""Our fields by what stands behind the architecture's name: all of them must be there."""

HEADS_OF_KEYS = "attention.head_count_kv"
KEY, VALUE, ROTATED = "attention.key_length", "attention.value_length", "rope.dimension_count"
"""The size of a head, which their formats give three times."""
BASE, WINDOW, VOCABULARY = "rope.freq_base", "attention.sliding_window", "vocab_size"
SCALING, FACTOR = "rope.scaling.type", "rope.scaling.factor"
TRAINED = "rope.scaling.original_context_length"

USED = {HEADS_OF_KEYS, KEY, VALUE, ROTATED, BASE, WINDOW, VOCABULARY, SCALING, FACTOR, TRAINED}
IDLE = {"rope.scaling.finetuned"}

NAMES = {
    "token_embd": "wte",
    "output_norm": "ln_f",
    "output": "lm_head",
    "attn_norm": "ln_1",
    "attn_q": "attn.q_proj",
    "attn_k": "attn.k_proj",
    "attn_v": "attn.v_proj",
    "attn_output": "attn.c_proj",
    "attn_q_norm": "attn.q_norm",
    "attn_k_norm": "attn.k_norm",
    "ffn_norm": "ln_2",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.c_proj",
}
"""Their names to ours, within a block and outside."""

FACTORS = "rope_freqs.weight"
"""How much each pair is slowed, where that is not the same for all: Llama 3.1's scaling."""

LLAMA_3 = {"low": 1.0, "high": 4.0}
"""What Llama 3.1, 3.2 and 3.3 have; the file says the factor alone."""

LLAMA_3_TRAINED = 8192
"""And how long their first texts were, where the file does not say."""


class GGUFKind(NamedTuple):
    """One architecture of llama.cpp: whether its heads' channels stand in pairs, and its choices.

    `factors` says whether it takes Llama 3.1's scaling.
    """

    architecture: str
    paired: bool
    factors: bool = False
    qk_norm: bool = False
    unrotated_every: int | None = None
    biases: Mapping[str, bool] | None = None  # what it decides; None for what a file has
    own_head_size: bool = True

    def read(self, stored: Stored) -> tuple[LlamaConfig, Unopened]:
        """Our configuration and our tensors."""
        own = self._own_settings(stored)
        names = set(stored.tensors)
        table = "token_embd.weight"
        vocabulary = stored.tensors[table].shape[0] if table in names else 1
        head = own.get(KEY, own[SIZES["n_embd"]] // own[SIZES["n_head"]])
        if odd := [name for name in (VALUE, ROTATED) if own.get(name, head) != head]:
            raise CheckpointError(
                f"{stored.settings_at}: {self.architecture}.{odd[0]} must be the size of a head, "
                f"{head}; it is {own[odd[0]]!r:.60}; such a model cannot be loaded"
            )
        fields: dict[str, Any] = {ours: own[theirs] for ours, theirs in SIZES.items()}
        fields |= {
            "vocab_size": vocabulary,
            "n_kv_head": own.get(HEADS_OF_KEYS, fields["n_head"]),
            "head_size": None if head * fields["n_head"] == fields["n_embd"] else head,
            "rope_base": own.get(BASE, 10_000.0),
            "rope_scaling": _scaling(own, stored),
            "window": own.get(WINDOW),
            "qkv_bias": "blk.0.attn_q.bias" in names,
            "out_bias": "blk.0.attn_output.bias" in names,
            "mlp_bias": "blk.0.ffn_up.bias" in names,
            "qk_norm": self.qk_norm,
            "unrotated_every": self.unrotated_every,
            "tied": "output.weight" not in names,
        }
        config = configure(stored.settings_at, LlamaConfig, **fields)
        tensors = rename(stored.tensors, _ours, stored.tensors_at)
        return config, {
            name: self.in_our_order(name, value, config) for name, value in tensors.items()
        }

    def _own_settings(self, stored: Stored) -> dict[str, Any]:
        needed = SIZES.values()
        own = own_settings(stored, self.architecture, needed=needed, used=USED, idle=IDLE)
        numbers = [*needed, HEADS_OF_KEYS, KEY]
        check_positive(own, numbers, self.architecture, stored.settings_at)
        return own

    def can_express(self, config: LlamaConfig) -> bool:
        """Whether llama.cpp computes a model of this configuration by this architecture."""
        biases = {"qkv_bias": config.qkv_bias, "out_bias": config.out_bias}
        biases |= {"mlp_bias": config.mlp_bias}
        scaling = config.rope_scaling
        return (
            config.activation == "silu"
            and config.qk_norm == self.qk_norm
            and self.biases in (None, biases)
            and (self.own_head_size or config.head * config.n_head == config.n_embd)
            and config.unrotated_every == self.unrotated_every
            and (config.window is None or config.windowed_from == 0)
            and (scaling is None or scaling.low is None or self.factors)
        )

    def settings(self, config: LlamaConfig) -> dict[str, Any]:
        """What llama.cpp is told of a model of this configuration."""
        own: dict[str, Any] = {theirs: getattr(config, ours) for ours, theirs in SIZES.items()}
        own |= {
            VOCABULARY: config.vocab_size,
            HEADS_OF_KEYS: config.n_kv_head,
            **dict.fromkeys((KEY, VALUE, ROTATED), config.head),
            BASE: float(config.rope_base),
        }
        if config.window is not None:
            own[WINDOW] = config.window
        match config.rope_scaling:
            case RotaryScaling(factor, low=None):
                own |= {SCALING: "linear", FACTOR: float(factor)}
            case RotaryScaling(trained=trained):
                own[TRAINED] = trained
        return {ARCHITECTURE: self.architecture} | {
            f"{self.architecture}.{name}": value for name, value in own.items()
        }

    def in_our_order(self, name: str, value: Leaf, config: LlamaConfig) -> Leaf:
        """A tensor of a file as a parameter of ours, whose name is given."""
        heads = self._paired_heads(name, config)
        value = in_rows(value, partial(in_halves, heads=heads)) if heads else value
        return value.mT if _is_map(name) and value.dim() == 2 else value

    def in_their_order(self, name: str, value: Tensor, config: LlamaConfig) -> Tensor:
        """A parameter of ours as it lies in a file, (out, in)."""
        heads = self._paired_heads(name, config)
        value = value.mT if _is_map(name) else value
        return in_pairs(value, heads) if heads else value

    def _paired_heads(self, name: str, config: LlamaConfig) -> int:
        """How many heads a parameter has whose channels stand in pairs there; mostly none."""
        both = {".attn.q_proj.": config.n_head, ".attn.k_proj.": config.n_kv_head}
        return next((both[path] for path in both if self.paired and path in name), 0)

    @property
    def adapter(self) -> Adapter:
        """The architecture's place among the layouts that we know."""
        return Adapter("gguf", self.architecture, Llama, self.read, write)


def _ours(name: str) -> str | None:
    return None if name == FACTORS else our_name(name, NAMES)


def _is_map(name: str) -> bool:
    return name.endswith("_proj.weight")


def in_halves(value: Tensor, heads: int) -> Tensor:
    """A map's rows (H·d, …), in each head from pairs 0, d/2, 1, d/2 + 1, … to halves."""
    if value.shape[0] % (2 * heads):
        return value  # of another shape than the configuration's, which is said later
    pairs: Tensor = value.unflatten(0, (heads, -1, 2))
    return pairs.transpose(1, 2).flatten(0, 2)


def in_pairs(value: Tensor, heads: int) -> Tensor:
    """The other way round."""
    halves: Tensor = value.unflatten(0, (heads, 2, -1))
    return halves.transpose(1, 2).flatten(0, 2)


def _scaling(own: Mapping[str, Any], stored: Stored) -> RotaryScaling | None:
    if FACTORS in stored.tensors:
        return _by_factors(own, stored)
    kind = own.get(SCALING, "none")
    if kind in {"none", ""}:
        return None
    if kind != "linear":
        raise CheckpointError(
            f"{stored.settings_at}: rotary scaling must be none, linear or Llama 3.1's; it is "
            f"{kind!r:.60}; such a model cannot be loaded"
        )
    return configure(stored.settings_at, RotaryScaling, factor=own.get(FACTOR, 0))


def _by_factors(own: Mapping[str, Any], stored: Stored) -> RotaryScaling:
    """Llama 3.1's scaling, where the factors are those that it makes."""
    factors = opened(stored.tensors[FACTORS]).double()
    told: Any = {**LLAMA_3, "trained": own.get(TRAINED, LLAMA_3_TRAINED)}
    scaling = configure(stored.settings_at, RotaryScaling, factor=float(factors.max()), **told)
    sizes: Any = {"n_layer": 1, "n_head": 1, "n_kv_head": 1, "head_size": 2 * len(factors)}
    base = own.get(BASE, 10_000.0)
    config = configure(stored.settings_at, LlamaConfig, **sizes, rope_base=base)
    if not torch.allclose(_factors(replace(config, rope_scaling=scaling)), factors, rtol=1e-4):
        raise CheckpointError(
            f"{stored.tensors_at}: {FACTORS} must be the factors of Llama 3.1's scaling; these are "
            "others; such a model cannot be loaded"
        )
    return scaling


def _factors(config: LlamaConfig) -> Tensor:
    """How much the scaling slows each pair, (d/2,), in float64."""
    plain, slowed = (
        one.frequencies(torch.device("cpu")) for one in (replace(config, rope_scaling=None), config)
    )
    return plain / slowed


_NO_BIAS = {"qkv_bias": False, "out_bias": False, "mlp_bias": False}

GGUF_KINDS = (
    GGUFKind("llama", paired=True, factors=True),
    GGUFKind("qwen2", paired=False, biases=_NO_BIAS | {"qkv_bias": True}, own_head_size=False),
    GGUFKind("qwen3", paired=False, qk_norm=True, biases=_NO_BIAS),
    GGUFKind("smollm3", paired=True, unrotated_every=4, biases=_NO_BIAS),
)


def kind_of(config: LlamaConfig) -> GGUFKind | None:
    """The architecture as which llama.cpp has such a model; None where it has none.

    Llama's takes nearly all, so a nearer one goes before it.
    """
    return next((kind for kind in reversed(GGUF_KINDS) if kind.can_express(config)), None)


def write(model: Llama) -> tuple[dict[str, Any], Tensors]:
    """The settings and tensors of a model, as llama.cpp reads them; `CheckpointError` if none.

    LoRA's matrices are merged.
    """
    whole = merged(model)
    config, params = whole.config, flatten(whole.params)
    check(config.parameter_shapes(), params, "a model to export")
    kind = kind_of(config)
    if kind is None:
        raise CheckpointError(
            f"llama.cpp has {', '.join(kind.architecture for kind in GGUF_KINDS)}, and none of "
            f"them has all of this model: {config}; keep it in Pellucid's own format with save"
        )
    tensors = {
        their_name(name, NAMES): kind.in_their_order(name, value, config)
        for name, value in params.items()
    }
    scaling = config.rope_scaling
    if scaling is not None and scaling.low is not None:
        factors = _factors(config)
        if (scaling.low, scaling.high) != tuple(LLAMA_3.values()) or not math.isclose(
            factors.max(), scaling.factor, rel_tol=1e-6
        ):
            raise CheckpointError(
                "Llama 3.1's scaling in GGUF has low 1 and high 4, and slows the slowest pair by "
                f"all of its factor; this model has {scaling} and heads of {config.head}; keep it "
                "in Pellucid's own format with save"
            )
        tensors[FACTORS] = factors.float()
    return kind.settings(config), tensors
