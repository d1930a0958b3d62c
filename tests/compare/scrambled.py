"""A dump of a port under names and in layouts that no program has."""

import numpy as np
import torch
from torch import Tensor

WORDS = {
    "wte.weight": "tables/tok",
    "wpe.weight": "tables/pos",
    "ln_f.weight": "last/gain",
    "ln_f.bias": "last/off",
    "embed.out": "x/tok",
    "wpe.rows": "x/pos",
    "wpe.out": "x/in",
    "ln_f.out": "x/normed",
    "logits": "x/scores",
    "loss": "nll",
    "losses": "nlls",
    "tokens": "read",
}
BLOCKS = {
    "ln_1.weight": "na/gain",
    "ln_1.bias": "na/off",
    "ln_2.weight": "nb/gain",
    "ln_2.bias": "nb/off",
    "attn.c_proj.weight": "mix/w",
    "attn.c_proj.bias": "mix/b",
    "mlp.c_fc.weight": "up/w",
    "mlp.c_fc.bias": "up/b",
    "mlp.c_proj.weight": "down/w",
    "mlp.c_proj.bias": "down/b",
    "ln_1.out": "na/y",
    "attn.q": "heads/q",
    "attn.k": "heads/k",
    "attn.v": "heads/v",
    "attn.scores": "heads/dots",
    "attn.att": "heads/soft",
    "attn.z": "heads/got",
    "attn.c_proj.out": "mix/y",
    "resid_mid": "mid",
    "ln_2.out": "nb/y",
    "mlp.c_fc.out": "up/y",
    "mlp.act.out": "bent",
    "mlp.c_proj.out": "down/y",
    "resid_post": "out",
}
TURNED = ("attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
HEADS = ("attn.q", "attn.k", "attn.v", "attn.z")


def words_for() -> dict[str, str]:
    """Ours, as patterns, by the words."""
    joined = {f"to_{letter}": "attn.c_attn.weight" for letter in "qkv"}
    joined |= {f"plus_{letter}": "attn.c_attn.bias" for letter in "qkv"}
    blocks = {word: ours for ours, word in BLOCKS.items()} | joined
    found = {
        f"net/layer{i + 1}/{word}": f"h.{i}.{ours}"
        for word, ours in blocks.items()
        for i in range(2)
    }
    return found | {word: ours for ours, word in WORDS.items()}


def scrambled(dump: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """The tensors of a GPT-2's dump that have words above, with their gradients."""
    found: dict[str, Tensor] = {}
    for name, array in dump.items():
        gradient = name.startswith("d") and name[1:] in dump
        bare = name[1:] if gradient else name
        end = ".grad" if gradient else ""
        value = torch.as_tensor(np.asarray(array))
        if bare in WORDS:
            found[WORDS[bare] + end] = value
        if not bare.startswith("h."):
            continue
        _, number, kind = bare.split(".", 2)
        block = f"net/layer{int(number) + 1}/"
        if kind == "attn.c_attn.weight":
            for word, part in zip("qkv", value.chunk(3, -1), strict=True):
                found[f"{block}to_{word}{end}"] = part.T
        if kind == "attn.c_attn.bias":
            for word, part in zip("qkv", value.chunk(3, -1), strict=True):
                found[f"{block}plus_{word}{end}"] = part
        if kind in BLOCKS:
            moved = value.mT if kind in TURNED else value
            moved = value.transpose(-3, -2) if kind in HEADS else moved
            found[f"{block}{BLOCKS[kind]}{end}"] = moved.contiguous()
    return found
