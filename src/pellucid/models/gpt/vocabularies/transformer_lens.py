"""TransformerLens 4.3: the hooks and parameters of a `TransformerBridge`.

Heads are an axis of the weights there, and in activations stand behind the positions: q, k, v and z
are (B, T, H, d), W_Q is (H, C, d), W_O (H, d, C). `hook_scale` is what a row is divided by, 1/rstd,
and `hook_normalized` is xhat, before gain and shift. The unembedding is (C, V), and is the
embedding's own table where the two are tied. The names are there with and without
`enable_compatibility_mode`, whose processing by default changes the weights and centres the logits:
ask for `no_processing=True`.
Source: TransformerLens 4.3.0, transformer_lens/model_bridge/generalized_components/.
"""

import re

import torch
from torch import Tensor

from pellucid.models.gpt.vocabularies.row import (
    Layout,
    VocabularyRow,
    VocabularySizes,
    as_it_is,
)


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


INPUTS = re.compile(r"(^|\.)hook_(in|hidden_states)$")
"""Hooks of what a module is given, which another hook has too as what a module puts out."""

_B = "blocks.i"


def _hooks(
    ours: str, *names: str, layout: Layout = as_it_is, graded: bool = True
) -> tuple[VocabularyRow, ...]:
    """The hooks that have one of our values, the one that is in use first."""
    return tuple(VocabularyRow((name,), ours, layout, graded=graded) for name in names)


TRANSFORMER_LENS = (
    VocabularyRow(("embed.W_E",), "wte.weight"),
    VocabularyRow(("pos_embed.W_pos",), "wpe.weight"),
    *_hooks("embed.out", "hook_embed", "embed.hook_out"),
    *_hooks("wpe.rows", "hook_pos_embed", "pos_embed.hook_out"),
    *_hooks("h.i.resid_pre", f"{_B}.hook_resid_pre"),
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
            VocabularyRow((f"{theirs}.hook_normalized",), f"{ours}.xhat"),
            VocabularyRow((f"{theirs}.hook_out",), f"{ours}.out"),
        )
    ),
    VocabularyRow(
        tuple(f"{_B}.attn.W_{c}" for c in "QKV"), "h.i.attn.c_attn.weight", _side_by_side
    ),
    VocabularyRow(tuple(f"{_B}.attn.b_{c}" for c in "QKV"), "h.i.attn.c_attn.bias", _biases),
    *(
        row
        for c in "qkv"
        for row in _hooks(
            f"h.i.attn.{c}",
            f"{_B}.attn.hook_{c}",
            f"{_B}.attn.{c}.hook_out",
            layout=_heads_first,
        )
    ),
    VocabularyRow((f"{_B}.attn.hook_z",), "h.i.attn.z", _heads_first),
    VocabularyRow((f"{_B}.attn.hook_attn_scores",), "h.i.attn.scores"),
    VocabularyRow((f"{_B}.attn.hook_pattern",), "h.i.attn.att"),
    VocabularyRow((f"{_B}.attn.W_O",), "h.i.attn.c_proj.weight", _rows_joined),
    VocabularyRow((f"{_B}.attn.b_O",), "h.i.attn.c_proj.bias"),
    *_hooks(
        "h.i.attn.c_proj.out", f"{_B}.hook_attn_out", f"{_B}.attn.hook_out", f"{_B}.attn.o.hook_out"
    ),
    *_hooks("h.i.resid_mid", f"{_B}.hook_resid_mid"),
    VocabularyRow((f"{_B}.mlp.W_in",), "h.i.mlp.c_fc.weight"),
    VocabularyRow((f"{_B}.mlp.b_in",), "h.i.mlp.c_fc.bias"),
    *_hooks("h.i.mlp.c_fc.out", f"{_B}.mlp.hook_pre", f"{_B}.mlp.in.hook_out"),
    *_hooks("h.i.mlp.act.out", f"{_B}.mlp.hook_post"),
    VocabularyRow((f"{_B}.mlp.W_out",), "h.i.mlp.c_proj.weight"),
    VocabularyRow((f"{_B}.mlp.b_out",), "h.i.mlp.c_proj.bias"),
    *_hooks(
        "h.i.mlp.c_proj.out", f"{_B}.hook_mlp_out", f"{_B}.mlp.hook_out", f"{_B}.mlp.out.hook_out"
    ),
    *_hooks("h.i.resid_post", f"{_B}.hook_resid_post", f"{_B}.hook_out"),
    VocabularyRow(("unembed.W_U",), "lm_head.weight", _turned),
    *_hooks("logits", "hook_unembed", "unembed.hook_out"),
)
