"""Hugging Face's transformers: `GPT2LMHeadModel`'s parameters, and its modules' outputs by hooks.

A module's name stands for what it puts out; `hidden_states` and `attentions` are what the model
returns when it is asked for them, numbered; the last of the hidden states is `ln_f`'s, and has that
name here. Dropout is taken to be off. Weights are (in, out) there as here.
Source: transformers, models/gpt2/modeling_gpt2.py.
"""

from pellucid.trace.vocabularies.row import Row

_H = "transformer.h.i"

MODULES = (
    Row(("transformer.wte",), "embed.out"),
    Row(("transformer.wpe",), "wpe.rows"),
    Row(("transformer.drop",), "wpe.out"),
    *(
        Row((f"{_H}.{module}",), f"h.i.{module}.out")
        for module in (
            *("ln_1", "attn.c_attn", "attn.c_proj", "ln_2"),
            *("mlp.c_fc", "mlp.act", "mlp.c_proj"),
        )
    ),
    *(
        Row((f"{_H}.{module}",), f"h.i.{ours}")
        for module, ours in (
            ("attn.attn_dropout", "attn.att"),
            ("attn.resid_dropout", "attn.c_proj.out"),
            ("attn", "attn.c_proj.out"),
            ("mlp.dropout", "mlp.c_proj.out"),
            ("mlp", "mlp.c_proj.out"),
        )
    ),
    Row((_H,), "h.i.resid_post"),
    Row(("transformer.ln_f",), "ln_f.out"),
    Row(("lm_head",), "logits"),
    Row(("attentions.i",), "h.i.attn.att"),
    Row(("hidden_states.i",), "h.i.resid_pre"),
)
"""What modules put out."""

PARAMETERS = (
    Row(("transformer.wte.weight",), "wte.weight"),
    Row(("transformer.wpe.weight",), "wpe.weight"),
    *(
        Row((f"{_H}.{layer}.{kind}",), f"h.i.{layer}.{kind}")
        for layer in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
        for kind in ("weight", "bias")
    ),
    Row(("transformer.ln_f.weight",), "ln_f.weight"),
    Row(("transformer.ln_f.bias",), "ln_f.bias"),
)
"""Parameters: ours behind a prefix."""

HUGGING_FACE = MODULES + PARAMETERS
