"""`GPT`: a configuration and its parameters as one object, which checks what comes in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pellucid.kernels import PackedWeight
from pellucid.models.causal import CausalModel
from pellucid.models.gpt.config import GPTConfig
from pellucid.models.gpt.wiring import TRUNK
from pellucid.models.initial import init_params
from pellucid.models.model import counted, short


@dataclass(frozen=True)
class GPT(CausalModel):
    """A GPT: a configuration and the tree of its parameters.

    Tokens may be a list of ids, a tensor (T,) or a batch (B, T); what comes out has the same
    leading shape. Every method raises `TokenError` for ids outside the vocabulary or more of them
    than there are positions, and `TraceError` where a recording tape meets other ops than
    `REFERENCE`: what is traced is what ran.

    >>> model = GPT.init(GPTConfig(vocab_size=5, block_size=8, n_layer=1, n_head=2, n_embd=4))
    >>> logits, tape = model.run_with_cache([0, 1, 2])
    >>> logits.shape, tape["h.0.attn.att"].shape
    (torch.Size([3, 5]), torch.Size([2, 3, 3]))
    """

    architecture: ClassVar[str] = "gpt"
    packable = True
    Config: ClassVar[type[GPTConfig]] = GPTConfig

    initial = staticmethod(init_params)
    trunk = TRUNK

    config: GPTConfig

    @classmethod
    def small(cls) -> Iterator[tuple[GPTConfig, tuple[Tensor, Tensor], Mapping[int, str]]]:
        """See `Model.small`."""
        sizes = {"vocab_size": 11, "block_size": 13, "n_head": 3, "n_embd": 15, "n_inner": 34}
        letters = {11: "V", 13: "maxT", 3: "H", 15: "C", 45: "3C", 5: "d", 34: "F", 7: "T", 2: "r"}
        tokens = torch.arange(7)
        for choices in (
            {"norm": "pre", "tied": False, "activation": "gelu_tanh"},
            {"norm": "post", "activation": "gelu_erf"},
            {"norm": "pre", "activation": "relu", "lora_rank": 2},
        ):
            given: dict[str, Any] = sizes | choices
            config = GPTConfig(n_layer=1, **given)
            yield config, (tokens, tokens + 1), {**letters, 1: "1"}

    def __str__(self) -> str:
        config, dtype, count = self.config, short(self.dtype), len(self.interventions)
        if isinstance(weight := self.params["h"]["0"]["attn"]["c_attn"]["weight"], PackedWeight):
            dtype = f"packed as {weight.form}"
        return (
            f"a GPT of {self.parameter_count:,} parameters: {counted(config.n_layer, 'layer')}, "
            f"{counted(config.n_head, 'head')}, width {config.n_embd}, "
            f"context {config.block_size}, {dtype}"
            + (f", with LoRA of rank {config.lora_rank}" if config.lora_rank else "")
            + (f", with {counted(count, 'intervention')}" if count else "")
        )
