"""TransformerLens's names of a GPT-2: see `pellucid.models.vocabularies.transformer_lens`."""

import torch
from torch import Tensor

from pellucid.models.vocabularies.row import VocabularyRow, VocabularySizes
from pellucid.models.vocabularies.transformer_lens import (
    BLOCK,
    HEAD,
    HEADS,
    MLP_OUT,
    STREAM,
    TOKENS,
    heads_first,
    hooks,
    norm,
)


def _side_by_side(*given: Tensor | VocabularySizes) -> Tensor:
    """Three weights (H, C, d) as one (C, 3·H·d)."""
    parts = [part.transpose(0, 1).flatten(1) for part in given if isinstance(part, Tensor)]
    return torch.cat(parts, -1)


def _biases(*given: Tensor | VocabularySizes) -> Tensor:
    """Three biases (H, d) as one (3·H·d,)."""
    return torch.cat([part.flatten() for part in given if isinstance(part, Tensor)])


TRANSFORMER_LENS = (
    *TOKENS,
    VocabularyRow(("pos_embed.W_pos",), "wpe.weight"),
    *hooks("wpe.rows", "hook_pos_embed", "pos_embed.hook_out"),
    *STREAM,
    *norm(f"{BLOCK}.ln1", "h.{i}.ln_1", bias=True),
    *norm(f"{BLOCK}.ln2", "h.{i}.ln_2", bias=True),
    *norm("ln_final", "ln_f", bias=True),
    VocabularyRow(
        tuple(f"{BLOCK}.attn.W_{c}" for c in "QKV"), "h.{i}.attn.c_attn.weight", _side_by_side
    ),
    VocabularyRow(tuple(f"{BLOCK}.attn.b_{c}" for c in "QKV"), "h.{i}.attn.c_attn.bias", _biases),
    *(
        row
        for c in "qkv"
        for row in hooks(
            f"h.{{i}}.attn.{c}",
            f"{BLOCK}.attn.hook_{c}",
            f"{BLOCK}.attn.{c}.hook_out",
            layout=heads_first,
        )
    ),
    *HEADS,
    VocabularyRow((f"{BLOCK}.mlp.W_in",), "h.{i}.mlp.c_fc.weight"),
    VocabularyRow((f"{BLOCK}.mlp.b_in",), "h.{i}.mlp.c_fc.bias"),
    *hooks("h.{i}.mlp.c_fc.out", f"{BLOCK}.mlp.hook_pre", f"{BLOCK}.mlp.in.hook_out"),
    *hooks("h.{i}.mlp.act.out", f"{BLOCK}.mlp.hook_post", f"{BLOCK}.mlp.out.hook_in"),
    *MLP_OUT,
    *HEAD,
)
