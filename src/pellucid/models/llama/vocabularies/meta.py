"""Meta's Llama, llama2.c and mlx-examples: `layers.0.attention.wq.weight`, `feed_forward.w1`.

Maps are (out, in). The channels of each head's queries and keys stand in pairs, 0 beside d/2, as
the rotations turn them there; so do what `wq` and `wk` put out.
Source: meta-llama/llama, llama/model.py; karpathy/llama2.c, model.py; mlx-examples, llms/llama.
"""

from functools import partial

from torch import Tensor

from pellucid.models.llama.gguf import in_halves
from pellucid.models.vocabularies.row import VocabularyRow, VocabularySizes
from pellucid.models.vocabularies.rule import rules


def _heads(sizes: VocabularySizes, kind: str) -> int:
    return int(sizes.config.n_head if kind == "q" else sizes.config.n_kv_head)


def _weight(theirs: Tensor, sizes: VocabularySizes, *, kind: str) -> Tensor:
    return in_halves(theirs, _heads(sizes, kind)).mT


def _out(theirs: Tensor, sizes: VocabularySizes, *, kind: str) -> Tensor:
    return in_halves(theirs.movedim(-1, 0), _heads(sizes, kind)).movedim(0, -1)


def _said(_: VocabularySizes) -> str:
    return (
        "Meta's programs keep the rows of wq and wk in pairs, 0 beside d/2, in each head: they "
        "are read in halves, as here, which is another layout and no difference"
    )


PAIRED = tuple(
    VocabularyRow(
        (f"layers.{{i}}.attention.w{kind}{end}",),
        f"h.{{i}}.attn.{kind}_proj.{ours}",
        partial(layout, kind=kind),
        said=_said,
    )
    for kind in "qk"
    for end, ours, layout in ((".weight", "weight", _weight), ("", "out", _out))
)
"""What stands in pairs."""

META = PAIRED + rules("""
    tok_embeddings.weight -> wte.weight
    layers.{i}.attention_norm.weight -> h.{i}.ln_1.weight
    layers.{i}.attention.wv.weight.T -> h.{i}.attn.v_proj.weight
    layers.{i}.attention.wo.weight.T -> h.{i}.attn.c_proj.weight
    layers.{i}.ffn_norm.weight -> h.{i}.ln_2.weight
    layers.{i}.feed_forward.w1.weight.T -> h.{i}.mlp.gate_proj.weight
    layers.{i}.feed_forward.w3.weight.T -> h.{i}.mlp.up_proj.weight
    layers.{i}.feed_forward.w2.weight.T -> h.{i}.mlp.c_proj.weight
    norm.weight -> ln_f.weight
    output.weight -> lm_head.weight
    freqs_cos -> -
    freqs_sin -> -
    rope.freqs -> -

    # what modules put out
    tok_embeddings -> embed.out
    dropout -> embed.out
    layers.{i} -> h.{i}.resid_post
    layers.{i}.attention_norm -> h.{i}.ln_1.out
    layers.{i}.attention.wv -> h.{i}.attn.v_proj.out
    layers.{i}.attention.wo -> h.{i}.attn.c_proj.out
    layers.{i}.attention.attn_dropout -> h.{i}.attn.att
    layers.{i}.attention.resid_dropout -> h.{i}.attn.c_proj.out
    layers.{i}.attention -> h.{i}.attn.c_proj.out
    layers.{i}.ffn_norm -> h.{i}.ln_2.out
    layers.{i}.feed_forward.w1 -> h.{i}.mlp.gate_proj.out
    layers.{i}.feed_forward.w3 -> h.{i}.mlp.up_proj.out
    layers.{i}.feed_forward.w2 -> h.{i}.mlp.c_proj.out
    layers.{i}.feed_forward.dropout -> h.{i}.mlp.c_proj.out
    layers.{i}.feed_forward -> h.{i}.mlp.c_proj.out
    norm -> ln_f.out
    output -> logits
""")
