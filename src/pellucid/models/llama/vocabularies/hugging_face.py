"""Hugging Face's transformers: what it calls parameters and modules of Llama's family.

A module's name stands for what it puts out, by forward hooks; `hidden_states` and `attentions` are
what the model returns when it is asked for them, as of a GPT-2. Maps are (out, in) there; norms of
queries and keys run before heads and positions change places.
Source: transformers, models/llama, mistral, qwen2 and qwen3: modeling_*.py.
"""

from pellucid.models.llama.huggingface import is_map, their_name
from pellucid.models.llama.vocabularies.parameters import PARAMETERS, numbered
from pellucid.models.vocabularies.row import VocabularyRow, as_it_is, turned
from pellucid.models.vocabularies.transformer_lens import heads_first

_MAPS = tuple(name.removesuffix(".weight") for name in PARAMETERS if name.endswith("_proj.weight"))

_H = "model.layers.{i}"

MODULES = (
    VocabularyRow(("model.embed_tokens",), "embed.out"),
    *(
        VocabularyRow((numbered(their_name(f"{ours}.")).rstrip("."),), f"{numbered(ours)}.out")
        for ours in ("h.0.ln_1", "h.0.ln_2", "ln_f", *_MAPS)
    ),
    *(
        VocabularyRow((f"{_H}.self_attn.{name}",), f"h.{{i}}.attn.{name}.out", heads_first)
        for name in ("q_norm", "k_norm")
    ),
    *(
        VocabularyRow((f"{_H}.{module}",), f"h.{{i}}.{ours}")
        for module, ours in (
            ("mlp.act_fn", "mlp.act.out"),
            ("mlp", "mlp.c_proj.out"),
            ("self_attn", "attn.c_proj.out"),
        )
    ),
    VocabularyRow((_H,), "h.{i}.resid_post"),
    VocabularyRow(("lm_head",), "logits"),
    VocabularyRow(("attentions.{i}",), "h.{i}.attn.att"),
    VocabularyRow(("hidden_states.{i}",), "h.{i}.resid_pre"),
    VocabularyRow(("hidden_states.{L}",), "ln_f.out"),
)
"""What modules put out."""

HUGGING_FACE = MODULES + tuple(
    VocabularyRow(
        (numbered(their_name(name)),),
        numbered(name),
        turned if is_map(their_name(name)) else as_it_is,
    )
    for name in PARAMETERS
)
"""Modules, and the parameters as the adapter names them."""
