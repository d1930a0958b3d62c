"""nanoGPT: its own `model.py` from a checkout, or a model written in its style where none is given.

The style: modules of torch.nn, scaled_dot_product_attention, autograd, `torch.compile`. It keeps no
keys and values, so it is not asked to decode.
"""

import json
import sys
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from contenders.task import Contender, Task
from contenders.torch_tools import Generation, dtype_of, module_training, set_up

PACKAGES = ("torch",)
TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
VOCABULARY, CONTEXT = 50257, 1024


class Block(nn.Module):
    """One block: x + attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.ModuleDict(
            {"c_attn": nn.Linear(width, 3 * width), "c_proj": nn.Linear(width, width)}
        )
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.attn["c_attn"](self.ln_1(x)).chunk(3, -1)
        )
        z = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn["c_proj"](z.transpose(1, 2).flatten(-2))
        inner = functional.gelu(self.mlp["c_fc"](self.ln_2(x)), approximate="tanh")
        out: Tensor = x + self.mlp["c_proj"](inner)
        return out


class Written(nn.Module):
    """GPT-2 in nanoGPT's style, under its names."""

    def __init__(self, layers: int, width: int, heads: int) -> None:
        super().__init__()
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(VOCABULARY, width),
                "wpe": nn.Embedding(CONTEXT, width),
                "h": nn.ModuleList([Block(width, heads) for _ in range(layers)]),
                "ln_f": nn.LayerNorm(width),
            }
        )
        self.lm_head = nn.Linear(width, VOCABULARY, bias=False)
        self.lm_head.weight = self.transformer["wte"].weight

    def forward(
        self, tokens: Tensor, targets: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """All logits and the loss, or the last position's logits alone."""
        parts = self.transformer
        places = torch.arange(tokens.shape[-1])
        x = parts["wte"](tokens) + parts["wpe"](places)
        for block in parts["h"]:
            x = block(x)
        x = parts["ln_f"](x)
        if targets is None:
            return self.lm_head(x[:, [-1]]), None
        logits = self.lm_head(x)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return logits, loss


def prepare(task: Task) -> bool:  # noqa: ARG001 (as of every peer)
    """The common weights are read as they are."""
    return False


def load_model(task: Task) -> Any:
    """nanoGPT's class or `Written`, with the common weights; its linear maps are (out, in)."""
    layers = json.loads((task.common / "config.json").read_text())["n_layer"]
    if task.nanogpt:
        sys.path.insert(0, task.nanogpt)
        from model import GPT, GPTConfig  # noqa: PLC0415 - from the checkout

        sizes = {"block_size": CONTEXT, "vocab_size": VOCABULARY, "n_layer": layers}
        model = GPT(GPTConfig(**sizes, n_head=12, n_embd=768, dropout=0.0, bias=True))
    else:
        model = Written(layers, 768, 12)
    weights = load_file(task.common / "model.safetensors")
    with torch.no_grad():
        for name, leaf in model.named_parameters():
            kept = weights[name]
            leaf.copy_(kept.T if name.endswith(TRANSPOSED) else kept)
    return model


def open_contender(task: Task) -> Contender:
    """The model, compiled where the variant says so."""
    set_up(task)
    model = load_model(task)
    if task.work == "train":
        run = torch.compile(model) if "compiled" in task.variant else model
        return module_training(model, lambda tokens, targets: run(tokens, targets)[1], task)
    model = model.to(dtype_of(task)).eval()
    run = torch.compile(model) if "compiled" in task.variant else model
    return Generation(lambda tokens, _past: (run(tokens)[0][:, -1], None), task)
