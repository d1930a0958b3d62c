"""LitGPT: one map makes queries, keys and values, one behind the other; maps are (out, in).

Versions before 0.5 have `attn.attn` and put them group by group: those are not read.
Source: Lightning-AI/litgpt, litgpt/model.py and litgpt/scripts/convert_hf_checkpoint.py.
"""

from pellucid.models.vocabularies.rule import rules

LITGPT = rules("""
    transformer.wte.weight -> wte.weight
    transformer.h.{i}.norm_1.weight -> h.{i}.ln_1.weight
    transformer.h.{i}.attn.qkv.weight.T -> h.{i}.attn.q_proj.weight, h.{i}.attn.k_proj.weight, \
h.{i}.attn.v_proj.weight
    transformer.h.{i}.attn.qkv.bias -> h.{i}.attn.q_proj.bias, h.{i}.attn.k_proj.bias, \
h.{i}.attn.v_proj.bias
    transformer.h.{i}.attn.norm_q.weight -> h.{i}.attn.q_norm.weight
    transformer.h.{i}.attn.norm_k.weight -> h.{i}.attn.k_norm.weight
    transformer.h.{i}.attn.proj.weight.T -> h.{i}.attn.c_proj.weight
    transformer.h.{i}.attn.proj.bias -> h.{i}.attn.c_proj.bias
    transformer.h.{i}.norm_2.weight -> h.{i}.ln_2.weight
    transformer.h.{i}.mlp.fc_1.weight.T -> h.{i}.mlp.gate_proj.weight
    transformer.h.{i}.mlp.fc_2.weight.T -> h.{i}.mlp.up_proj.weight
    transformer.h.{i}.mlp.proj.weight.T -> h.{i}.mlp.c_proj.weight
    transformer.h.{i}.mlp.fc_1.bias -> h.{i}.mlp.gate_proj.bias
    transformer.h.{i}.mlp.fc_2.bias -> h.{i}.mlp.up_proj.bias
    transformer.h.{i}.mlp.proj.bias -> h.{i}.mlp.c_proj.bias
    transformer.ln_f.weight -> ln_f.weight

    # what modules put out
    transformer.wte -> embed.out
    transformer.h.{i} -> h.{i}.resid_post
    transformer.h.{i}.norm_1 -> h.{i}.ln_1.out
    transformer.h.{i}.attn.qkv -> h.{i}.attn.q_proj.out, h.{i}.attn.k_proj.out, \
h.{i}.attn.v_proj.out
    transformer.h.{i}.attn.norm_q -> h.{i}.attn.q_norm.out
    transformer.h.{i}.attn.norm_k -> h.{i}.attn.k_norm.out
    transformer.h.{i}.attn.proj -> h.{i}.attn.c_proj.out
    transformer.h.{i}.attn -> h.{i}.attn.c_proj.out
    transformer.h.{i}.norm_2 -> h.{i}.ln_2.out
    transformer.h.{i}.mlp.fc_1 -> h.{i}.mlp.gate_proj.out
    transformer.h.{i}.mlp.fc_2 -> h.{i}.mlp.up_proj.out
    transformer.h.{i}.mlp.proj -> h.{i}.mlp.c_proj.out
    transformer.h.{i}.mlp -> h.{i}.mlp.c_proj.out
    transformer.ln_f -> ln_f.out
    lm_head -> logits
""")
