"""TransformerLens: the hooks and parameters of a `HookedTransformer`.

Heads are an axis of the weights there, and in activations stand behind the positions: q, k, v and z
are (B, T, H, d), W_Q is (H, C, d), W_O (H, d, C). `hook_scale` is what a row is divided by, 1/rstd;
`hook_normalized` of a full LayerNorm is its output, gain and shift included. The unembedding is
(C, V). A model that was loaded with its norms folded into the weights has other numbers: load it by
`from_pretrained_no_processing`.
Source: TransformerLens, components/ and its "Activation names".
"""

import torch
from torch import Tensor

from pellucid.models.gpt.vocabularies.row import VocabularyRow, VocabularySizes


def _heads_first(theirs: Tensor, _: VocabularySizes) -> Tensor:
    return theirs.transpose(-3, -2)  # (..., T, H, d) -> (..., H, T, d)


def _inverse(theirs: Tensor, _: VocabularySizes) -> Tensor:
    return 1 / theirs


def _turned(theirs: Tensor, _: VocabularySizes) -> Tensor:
    return theirs.mT


def _side_by_side(*given: Tensor | VocabularySizes) -> Tensor:
    """Three weights (H, C, d) as one (C, 3·H·d)."""
    parts = [part.transpose(0, 1).flatten(1) for part in given if isinstance(part, Tensor)]
    return torch.cat(parts, -1)


def _biases(*given: Tensor | VocabularySizes) -> Tensor:
    """Three biases (H, d) as one (3·H·d,)."""
    return torch.cat([part.flatten() for part in given if isinstance(part, Tensor)])


def _rows_joined(theirs: Tensor, _: VocabularySizes) -> Tensor:
    return theirs.flatten(0, 1)  # (H, d, C) -> (C, C)


_B = "blocks.i"

TRANSFORMER_LENS = (
    # Two parameters there, W_E and W_U, of which each has its own part of the gradient.
    VocabularyRow(("embed.W_E",), "wte.weight", gradient="embed.weight"),
    VocabularyRow(("pos_embed.W_pos",), "wpe.weight"),
    VocabularyRow(("hook_embed",), "embed.out"),
    VocabularyRow(("hook_pos_embed",), "wpe.rows"),
    VocabularyRow((f"{_B}.hook_resid_pre",), "h.i.resid_pre"),
    *(
        row
        for theirs, ours in (
            (f"{_B}.ln1", "h.i.ln_1"),
            (f"{_B}.ln2", "h.i.ln_2"),
            ("ln_final", "ln_f"),
        )
        for row in (
            VocabularyRow((f"{theirs}.w",), f"{ours}.weight"),
            VocabularyRow((f"{theirs}.b",), f"{ours}.bias"),
            VocabularyRow((f"{theirs}.hook_scale",), f"{ours}.rstd", _inverse, graded=False),
            VocabularyRow((f"{theirs}.hook_normalized",), f"{ours}.out"),
        )
    ),
    VocabularyRow(
        tuple(f"{_B}.attn.W_{c}" for c in "QKV"), "h.i.attn.c_attn.weight", _side_by_side
    ),
    VocabularyRow(tuple(f"{_B}.attn.b_{c}" for c in "QKV"), "h.i.attn.c_attn.bias", _biases),
    *(VocabularyRow((f"{_B}.attn.hook_{c}",), f"h.i.attn.{c}", _heads_first) for c in "qkvz"),
    VocabularyRow((f"{_B}.attn.hook_attn_scores",), "h.i.attn.scores"),
    VocabularyRow((f"{_B}.attn.hook_pattern",), "h.i.attn.att"),
    VocabularyRow((f"{_B}.attn.W_O",), "h.i.attn.c_proj.weight", _rows_joined),
    VocabularyRow((f"{_B}.attn.b_O",), "h.i.attn.c_proj.bias"),
    VocabularyRow((f"{_B}.hook_attn_out",), "h.i.attn.c_proj.out"),
    VocabularyRow((f"{_B}.hook_resid_mid",), "h.i.resid_mid"),
    VocabularyRow((f"{_B}.mlp.W_in",), "h.i.mlp.c_fc.weight"),
    VocabularyRow((f"{_B}.mlp.b_in",), "h.i.mlp.c_fc.bias"),
    VocabularyRow((f"{_B}.mlp.hook_pre",), "h.i.mlp.c_fc.out"),
    VocabularyRow((f"{_B}.mlp.hook_post",), "h.i.mlp.act.out"),
    VocabularyRow((f"{_B}.mlp.W_out",), "h.i.mlp.c_proj.weight"),
    VocabularyRow((f"{_B}.mlp.b_out",), "h.i.mlp.c_proj.bias"),
    VocabularyRow((f"{_B}.hook_mlp_out",), "h.i.mlp.c_proj.out"),
    VocabularyRow((f"{_B}.hook_resid_post",), "h.i.resid_post"),
    VocabularyRow(("unembed.W_U",), "lm_head.weight", _turned),
)
