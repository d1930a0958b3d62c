"""`Llama`: a configuration and its parameters as one object, which checks what comes in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pellucid.models.causal import CausalModel
from pellucid.models.initial import init_params
from pellucid.models.llama.config import LlamaConfig, RotaryScaling
from pellucid.models.llama.wiring import LLAMA_TRUNK
from pellucid.models.model import counted, short


@dataclass(frozen=True)
class Llama(CausalModel):
    """A model of Llama's family: a configuration and the tree of its parameters.

    >>> sizes = {"vocab_size": 5, "block_size": 8, "n_layer": 1, "n_embd": 8, "n_inner": 6}
    >>> model = Llama.init(LlamaConfig(**sizes, n_head=2, n_kv_head=1))
    >>> logits, tape = model.run_with_cache([0, 1, 2])
    >>> logits.shape, tape["h.0.attn.att"].shape, tape["h.0.attn.k_rope.out"].shape
    (torch.Size([3, 5]), torch.Size([2, 3, 3]), torch.Size([1, 3, 4]))
    """

    architecture: ClassVar[str] = "llama"
    packable = True
    Config: ClassVar[type[LlamaConfig]] = LlamaConfig

    initial = staticmethod(init_params)
    trunk = LLAMA_TRUNK

    config: LlamaConfig

    @classmethod
    def sized(cls, *, n_kv_head: int | None = None, **sizes: Any) -> LlamaConfig:
        """See `CausalModel.sized`; the inner width is 8C/3, filled up to a multiple of 32.

        So the three maps of the feed-forward network have about the numbers of two of width 4C.
        Source: Touvron et al. 2023, "LLaMA", 2.2.
        """
        inner = -(-8 * sizes["n_embd"] // 96) * 32
        return LlamaConfig(n_kv_head=n_kv_head or sizes["n_head"], n_inner=inner, **sizes)

    @classmethod
    def small(cls) -> Iterator[tuple[LlamaConfig, tuple[Tensor, Tensor], Mapping[int, str]]]:
        """See `Model.small`."""
        sizes = {"vocab_size": 11, "block_size": 13, "n_head": 4, "n_kv_head": 2, "n_embd": 15}
        letters = {11: "V", 13: "maxT", 4: "H", 2: "G", 15: "C", 34: "F", 7: "T", 5: "r"}
        letters |= {6: "d", 3: "d/2", 24: "Hd", 12: "Gd", 1: "1"}
        tokens = torch.arange(7)
        for choices in (
            {"tied": False, "qkv_bias": True, "window": 4},
            {"qk_norm": True, "activation": "gelu_tanh", "out_bias": True, "mlp_bias": True},
            {"rope_scaling": RotaryScaling(8.0, 1.0, 4.0, 9), "lora_rank": 5},
        ):
            given: dict[str, Any] = sizes | choices
            config = LlamaConfig(n_layer=1, head_size=6, n_inner=34, **given)
            yield config, (tokens, tokens + 1), letters

    def __str__(self) -> str:
        config, count = self.config, len(self.interventions)
        return (
            f"a Llama of {self.parameter_count:,} parameters: {counted(config.n_layer, 'layer')}, "
            f"{counted(config.n_head, 'head')}, {config.n_kv_head} of keys, width "
            f"{config.n_embd}, context {config.block_size}, {short(self.dtype)}"
            + (f", with LoRA of rank {config.lora_rank}" if config.lora_rank else "")
            + (f", with {counted(count, 'intervention')}" if count else "")
        )
