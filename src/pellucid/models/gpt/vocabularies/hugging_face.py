"""Hugging Face's transformers: `GPT2LMHeadModel`'s parameters, and its modules' outputs by hooks.

A module's name stands for what it puts out; `hidden_states` and `attentions` are what the model
returns when it is asked for them, numbered; of L blocks the last of the hidden states, number L, is
what `ln_f` puts out. Dropout is taken to be off. Weights are (in, out) there as here.
Source: transformers, models/gpt2/modeling_gpt2.py.
"""

from pellucid.models.vocabularies.row import VocabularyRow

_H = "transformer.h.{i}"

MODULES = (
    VocabularyRow(("transformer.wte",), "embed.out"),
    VocabularyRow(("transformer.wpe",), "wpe.rows"),
    VocabularyRow(("transformer.drop",), "wpe.out"),
    *(
        VocabularyRow((f"{_H}.{module}",), f"h.{{i}}.{module}.out")
        for module in (
            *("ln_1", "attn.c_attn", "attn.c_proj", "ln_2"),
            *("mlp.c_fc", "mlp.act", "mlp.c_proj"),
        )
    ),
    *(
        VocabularyRow((f"{_H}.{module}",), f"h.{{i}}.{ours}")
        for module, ours in (
            ("attn.attn_dropout", "attn.att"),
            ("attn.resid_dropout", "attn.c_proj.out"),
            ("attn", "attn.c_proj.out"),
            ("mlp.dropout", "mlp.c_proj.out"),
            ("mlp", "mlp.c_proj.out"),
        )
    ),
    VocabularyRow((_H,), "h.{i}.resid_post"),
    VocabularyRow(("transformer.ln_f",), "ln_f.out"),
    VocabularyRow(("lm_head",), "logits"),
    VocabularyRow(("attentions.{i}",), "h.{i}.attn.att"),
    VocabularyRow(("hidden_states.{i}",), "h.{i}.resid_pre"),
    VocabularyRow(("hidden_states.{L}",), "ln_f.out"),
)
"""What modules put out."""

PARAMETERS = (
    VocabularyRow(("transformer.wte.weight",), "wte.weight"),
    VocabularyRow(("transformer.wpe.weight",), "wpe.weight"),
    *(
        VocabularyRow((f"{_H}.{layer}.{kind}",), f"h.{{i}}.{layer}.{kind}")
        for layer in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
        for kind in ("weight", "bias")
    ),
    VocabularyRow(("transformer.ln_f.weight",), "ln_f.weight"),
    VocabularyRow(("transformer.ln_f.bias",), "ln_f.bias"),
)
"""Parameters: ours behind a prefix."""

HUGGING_FACE = MODULES + PARAMETERS
