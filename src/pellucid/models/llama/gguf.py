"""Llama, Mistral, Qwen 2 and Qwen 3 as llama.cpp stores them in GGUF.

Maps are (out, in) there. In files of the architecture "llama" the channels of each head's queries
and keys stand in pairs, 0 beside d/2, as the paper turns them; here they are put back in halves.
Source: llama.cpp, convert_hf_to_gguf.py and src/llama-arch.cpp.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import CheckpointError
from pellucid.models.adapter import Adapter, Stored, Tensors, configure, rename
from pellucid.models.llama.config import LlamaConfig, RotaryScaling
from pellucid.models.llama.model import Llama

SIZES = {
    "block_size": "context_length",
    "n_layer": "block_count",
    "n_head": "attention.head_count",
    "n_embd": "embedding_length",
    "n_inner": "feed_forward_length",
    "eps": "attention.layer_norm_rms_epsilon",
}
"""Our fields by what stands behind the architecture's name: all of them must be there."""

USED = {
    *SIZES.values(),
    *("attention.head_count_kv", "attention.key_length", "attention.value_length"),
    *("rope.freq_base", "rope.scaling.type", "rope.scaling.factor", "rope.dimension_count"),
    *("attention.sliding_window", "vocab_size", "rope.scaling.original_context_length"),
}
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

LLAMA_3 = {"low": 1.0, "high": 4.0, "trained": 8192}
"""What Llama 3.1, 3.2 and 3.3 have; the file says the factor alone."""

_BLOCK = re.compile(r"blk\.(\d+)\.(.+)")


class GGUFKind(NamedTuple):
    """One architecture of llama.cpp: whether its heads' channels stand in pairs, and its norms."""

    architecture: str
    paired: bool
    qk_norm: bool = False

    def read(self, stored: Stored) -> tuple[LlamaConfig, Tensors]:
        """Our configuration and our tensors."""
        own = self._own_settings(stored)
        names = set(stored.tensors)
        vocabulary = stored.tensors["token_embd.weight"].shape[0] if names else 0
        head = own.get(
            "attention.key_length", own["embedding_length"] // own["attention.head_count"]
        )
        fields: dict[str, Any] = {ours: own[theirs] for ours, theirs in SIZES.items()}
        base = own.get("rope.freq_base", 10_000.0)
        fields |= {
            "vocab_size": vocabulary,
            "n_kv_head": own.get("attention.head_count_kv", fields["n_head"]),
            "head_size": None if head * fields["n_head"] == fields["n_embd"] else head,
            "rope_base": base,
            "rope_scaling": _scaling(own, stored),
            "window": own.get("attention.sliding_window"),
            "qkv_bias": "blk.0.attn_q.bias" in names,
            "out_bias": "blk.0.attn_output.bias" in names,
            "mlp_bias": "blk.0.ffn_up.bias" in names,
            "qk_norm": self.qk_norm,
            "tied": "output.weight" not in names,
        }
        config = configure(stored.settings_at, LlamaConfig, **fields)
        tensors = rename(stored.tensors, our_name, stored.tensors_at)
        return config, {name: self._ours(name, value, config) for name, value in tensors.items()}

    def _own_settings(self, stored: Stored) -> dict[str, Any]:
        prefix = f"{self.architecture}."
        own = {
            name.removeprefix(prefix): value
            for name, value in stored.settings.items()
            if name.startswith(prefix)
        }
        if missing := [name for name in SIZES.values() if name not in own]:
            raise CheckpointError(
                f"{stored.settings_at} must give the sizes of the model; it lacks "
                f"{', '.join(prefix + name for name in missing)}; write the file again"
            )
        if odd := sorted(own.keys() - USED - IDLE):
            raise CheckpointError(
                f"{stored.settings_at}: each setting must be one that is known of llama.cpp's "
                f"{self.architecture}; {prefix}{odd[0]} is {own[odd[0]]!r:.60}, and may change a "
                "formula; such a model cannot be loaded"
            )
        sizes = [*SIZES.values(), "attention.head_count_kv", "attention.key_length"]
        for name in sizes:
            value = own.get(name, 1)
            if type(value) not in {int, float} or value <= 0:
                raise CheckpointError(
                    f"{stored.settings_at}: {prefix}{name} must be one positive number, not "
                    f"{value!r:.60}; such a model cannot be loaded"
                )
        return own

    def _ours(self, name: str, value: Tensor, config: LlamaConfig) -> Tensor:
        if self.paired and ".attn.q_proj." in name:
            value = in_halves(value, config.n_head)
        if self.paired and ".attn.k_proj." in name:
            value = in_halves(value, config.n_kv_head)
        return value.mT if name.endswith("_proj.weight") and value.dim() == 2 else value

    @property
    def adapter(self) -> Adapter:
        """The architecture's place among the layouts that we know."""
        return Adapter("gguf", self.architecture, Llama, self.read)


def our_name(name: str) -> str | None:
    """The tensor's name here, from theirs; None for what is no parameter."""
    if name == FACTORS:
        return None
    block = _BLOCK.fullmatch(name)
    path, dot, end = (block[2] if block else name).rpartition(".")
    ours = NAMES.get(path, path) + dot + end
    return f"h.{block[1]}.{ours}" if block else ours


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
        return _by_factors(stored)
    kind = own.get("rope.scaling.type", "none")
    if kind in {"none", ""}:
        return None
    if kind != "linear":
        raise CheckpointError(
            f"{stored.settings_at}: rotary scaling must be none, linear or Llama 3.1's; it is "
            f"{kind!r:.60}; such a model cannot be loaded"
        )
    return configure(stored.settings_at, RotaryScaling, factor=own.get("rope.scaling.factor", 0))


def _by_factors(stored: Stored) -> RotaryScaling:
    """Llama 3.1's scaling, where the factors are those that it makes."""
    factors = stored.tensors[FACTORS].double()
    base = stored.settings.get("llama.rope.freq_base", 10_000.0)
    scaling = configure(stored.settings_at, RotaryScaling, factor=float(factors.max()), **LLAMA_3)
    sizes: Any = {"n_layer": 1, "n_head": 1, "n_kv_head": 1, "head_size": 2 * len(factors)}
    plain, slowed = (
        LlamaConfig(**sizes, rope_base=base, rope_scaling=one).frequencies(torch.device("cpu"))
        for one in (None, scaling)
    )
    if not torch.allclose(plain / slowed, factors, rtol=1e-4):
        raise CheckpointError(
            f"{stored.tensors_at}: {FACTORS} must be the factors of Llama 3.1's scaling; these are "
            "others; such a model cannot be loaded"
        )
    return scaling


GGUF_KINDS = (
    GGUFKind("llama", paired=True),
    GGUFKind("qwen2", paired=False),
    GGUFKind("qwen3", paired=False, qk_norm=True),
)
