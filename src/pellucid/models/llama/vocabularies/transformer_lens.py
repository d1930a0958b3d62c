"""TransformerLens's names of a Llama: see `pellucid.models.vocabularies.transformer_lens`.

Keys and values have their own number of heads, but W_K and W_V may show each of them once for every
head of queries. `hook_q` and `hook_k` come before norm and rotation, `hook_rot_q` and `hook_rot_k`
after. Of the two maps up, W_gate is gate_proj and W_in up_proj; `hook_pre` is what is bent,
`hook_pre_linear` what is let through, `hook_post` their product.
"""

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


def _side_by_side(theirs: Tensor, _: VocabularySizes) -> Tensor:
    """(H, C, d) as (C, H·d)."""
    return theirs.transpose(0, 1).flatten(1)


def _heads_joined(theirs: Tensor, _: VocabularySizes) -> Tensor:
    """(H, d) as (H·d,)."""
    return theirs.flatten()


def _once(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    """The heads of keys that there are, of which each may stand there for its whole group."""
    group = sizes.config.n_head // sizes.config.n_kv_head
    return theirs[::group] if theirs.shape[0] == sizes.config.n_head else theirs


def _keys(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    return _side_by_side(_once(theirs, sizes), sizes)


def _keys_joined(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    return _once(theirs, sizes).flatten()


def _up(theirs: Tensor, sizes: VocabularySizes) -> Tensor:
    """(C, F), which a bridge shows as the module has it: (F, C)."""
    as_module = (sizes.config.n_inner, sizes.config.n_embd)
    return theirs.mT if theirs.shape == as_module else theirs


TRANSFORMER_LENS = (
    *TOKENS,
    *STREAM,
    *norm(f"{BLOCK}.ln1", "h.{i}.ln_1"),
    *norm(f"{BLOCK}.ln2", "h.{i}.ln_2"),
    *norm("ln_final", "ln_f"),
    VocabularyRow((f"{BLOCK}.attn.W_Q",), "h.{i}.attn.q_proj.weight", _side_by_side),
    VocabularyRow((f"{BLOCK}.attn.b_Q",), "h.{i}.attn.q_proj.bias", _heads_joined),
    *(
        row
        for c in "kv"
        for row in (
            VocabularyRow(
                (f"{BLOCK}.attn.W_{c.upper()}",),
                f"h.{{i}}.attn.{c}_proj.weight",
                _keys,
                graded=False,
            ),
            VocabularyRow(
                (f"{BLOCK}.attn.b_{c.upper()}",),
                f"h.{{i}}.attn.{c}_proj.bias",
                _keys_joined,
                graded=False,
            ),
        )
    ),
    *(
        row
        for c in "qkv"
        for row in hooks(
            f"h.{{i}}.attn.{c}_heads",
            f"{BLOCK}.attn.hook_{c}",
            f"{BLOCK}.attn.{c}.hook_out",
            layout=heads_first,
        )
    ),
    *(
        row
        for c in "qk"
        for row in (
            VocabularyRow((f"{BLOCK}.attn.{c}_norm.w",), f"h.{{i}}.attn.{c}_norm.weight"),
            VocabularyRow(
                (f"{BLOCK}.attn.hook_rot_{c}",), f"h.{{i}}.attn.{c}_rope.out", heads_first
            ),
        )
    ),
    *HEADS,
    VocabularyRow((f"{BLOCK}.mlp.W_gate",), "h.{i}.mlp.gate_proj.weight", _up),
    VocabularyRow((f"{BLOCK}.mlp.b_gate",), "h.{i}.mlp.gate_proj.bias"),
    VocabularyRow((f"{BLOCK}.mlp.W_in",), "h.{i}.mlp.up_proj.weight", _up),
    VocabularyRow((f"{BLOCK}.mlp.b_in",), "h.{i}.mlp.up_proj.bias"),
    *hooks("h.{i}.mlp.gate_proj.out", f"{BLOCK}.mlp.hook_pre", f"{BLOCK}.mlp.gate.hook_out"),
    *hooks("h.{i}.mlp.up_proj.out", f"{BLOCK}.mlp.hook_pre_linear", f"{BLOCK}.mlp.in.hook_out"),
    *hooks("h.{i}.mlp.gated", f"{BLOCK}.mlp.hook_post", f"{BLOCK}.mlp.out.hook_in"),
    *MLP_OUT,
    *HEAD,
)
