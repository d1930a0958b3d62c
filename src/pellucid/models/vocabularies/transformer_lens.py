"""TransformerLens 4.3: what the names of a `TransformerBridge` have in common, whatever the model.

Heads are an axis of the weights there, and in activations stand behind the positions: q, k, v and z
are (B, T, H, d), W_Q is (H, C, d), W_O (H, d, C). `hook_scale` is what a row is divided by, 1/rstd,
and `hook_normalized` is xhat, before gain and shift. The unembedding is (C, V), and is the
embedding's own table where the two are tied. The names are there with and without
`enable_compatibility_mode`, whose processing by default changes the weights and centres the logits:
ask for `no_processing=True`.
Source: TransformerLens 4.3.0, transformer_lens/model_bridge/generalized_components/.
"""

from collections.abc import Iterator

from torch import Tensor

from pellucid.models.vocabularies.row import (
    Layout,
    VocabularyRow,
    VocabularySizes,
    as_it_is,
    turned,
)
from pellucid.models.vocabularies.rule import rules

INPUTS = rules("""
    *hook_in -> -
    *hook_hidden_states -> -
""")
"""Hooks of what a module is given, which another hook has too as what a module puts out.

Of the last maps of attention and of the network it has not, as a bridge boots: see their rows.
"""

BLOCK = "blocks.{i}"


def heads_first(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    """(..., T, H, d) as (..., H, T, d); heads side by side, as a bridge's modules put out, stay."""
    config = sizes.config
    head = getattr(config, "head", config.n_embd // config.n_head)
    joined = {count * head for count in (config.n_head, getattr(config, "n_kv_head", 0))} - {head}
    return theirs if theirs.shape[-1] in joined else theirs.transpose(-3, -2)


def rows_joined(theirs: Tensor, _: VocabularySizes) -> Tensor:
    """(H, d, C) as (H·d, C)."""
    return theirs.flatten(0, 1)


def _inverse(theirs: Tensor, _: VocabularySizes) -> Tensor:
    return 1 / theirs


def hooks(
    ours: str, *names: str, layout: Layout = as_it_is, graded: bool = True
) -> tuple[VocabularyRow, ...]:
    """The hooks that have one of our values, the one that is in use first."""
    return tuple(VocabularyRow((name,), ours, layout, graded=graded) for name in names)


def norm(theirs: str, ours: str, *, bias: bool = False) -> Iterator[VocabularyRow]:
    """A norm's parameters and hooks."""
    yield VocabularyRow((f"{theirs}.w",), f"{ours}.weight")
    if bias:
        yield VocabularyRow((f"{theirs}.b",), f"{ours}.bias")
    yield VocabularyRow((f"{theirs}.hook_scale",), f"{ours}.rstd", _inverse, graded=False)
    yield VocabularyRow((f"{theirs}.hook_normalized",), f"{ours}.xhat")
    yield VocabularyRow((f"{theirs}.hook_out",), f"{ours}.out")


TOKENS = (
    VocabularyRow(("embed.W_E",), "wte.weight"),
    *hooks("embed.out", "hook_embed", "embed.hook_out"),
)
"""The embedding."""

STREAM = (
    *hooks("h.{i}.resid_pre", f"{BLOCK}.hook_resid_pre"),
    *hooks("h.{i}.resid_mid", f"{BLOCK}.hook_resid_mid"),
    *hooks("h.{i}.resid_post", f"{BLOCK}.hook_resid_post", f"{BLOCK}.hook_out"),
)
"""The residual stream."""

HEADS = (
    VocabularyRow((f"{BLOCK}.attn.hook_z",), "h.{i}.attn.z", heads_first),
    VocabularyRow((f"{BLOCK}.attn.o.hook_in",), "h.{i}.attn.merged"),
    VocabularyRow((f"{BLOCK}.attn.hook_attn_scores",), "h.{i}.attn.scores"),
    VocabularyRow((f"{BLOCK}.attn.hook_pattern",), "h.{i}.attn.att"),
    VocabularyRow((f"{BLOCK}.attn.W_O",), "h.{i}.attn.c_proj.weight", rows_joined),
    VocabularyRow((f"{BLOCK}.attn.b_O",), "h.{i}.attn.c_proj.bias"),
    *hooks(
        "h.{i}.attn.c_proj.out",
        f"{BLOCK}.hook_attn_out",
        f"{BLOCK}.attn.hook_out",
        f"{BLOCK}.attn.o.hook_out",
    ),
)
"""What heads gather, and what is made of it."""

MLP_OUT = (
    VocabularyRow((f"{BLOCK}.mlp.W_out",), "h.{i}.mlp.c_proj.weight"),
    VocabularyRow((f"{BLOCK}.mlp.b_out",), "h.{i}.mlp.c_proj.bias"),
    *hooks(
        "h.{i}.mlp.c_proj.out",
        f"{BLOCK}.hook_mlp_out",
        f"{BLOCK}.mlp.hook_out",
        f"{BLOCK}.mlp.out.hook_out",
    ),
)
"""The last map of a feed-forward network."""

HEAD = (
    VocabularyRow(("unembed.W_U",), "lm_head.weight", turned),
    *hooks("logits", "hook_unembed", "unembed.hook_out"),
    *INPUTS,
)
"""The unembedding, and at last what is left out."""
