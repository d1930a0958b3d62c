"""minGPT as it was at first: maps of queries, keys and values apart, a network without names.

Weights are (out, in); `pos_emb` is a parameter (1, maxT, C).
Source: karpathy/minGPT, mingpt/model.py, before it took transformers' names.
"""

from pellucid.models.vocabularies.rule import rules

MINGPT = rules("""
    tok_emb.weight -> wte.weight
    pos_emb -> wpe.weight
    blocks.{i}.ln1.weight -> h.{i}.ln_1.weight
    blocks.{i}.ln1.bias -> h.{i}.ln_1.bias
    blocks.{i}.attn.query.weight.T, blocks.{i}.attn.key.weight.T, blocks.{i}.attn.value.weight.T \
-> h.{i}.attn.c_attn.weight
    blocks.{i}.attn.query.bias, blocks.{i}.attn.key.bias, blocks.{i}.attn.value.bias \
-> h.{i}.attn.c_attn.bias
    blocks.{i}.attn.proj.weight.T -> h.{i}.attn.c_proj.weight
    blocks.{i}.attn.proj.bias -> h.{i}.attn.c_proj.bias
    blocks.{i}.ln2.weight -> h.{i}.ln_2.weight
    blocks.{i}.ln2.bias -> h.{i}.ln_2.bias
    blocks.{i}.mlp.0.weight.T -> h.{i}.mlp.c_fc.weight
    blocks.{i}.mlp.0.bias -> h.{i}.mlp.c_fc.bias
    blocks.{i}.mlp.2.weight.T -> h.{i}.mlp.c_proj.weight
    blocks.{i}.mlp.2.bias -> h.{i}.mlp.c_proj.bias
    head.weight -> lm_head.weight
    blocks.{i}.attn.mask -> -
    blocks -> -

    # what modules put out
    tok_emb -> embed.out
    drop -> wpe.out
    blocks.{i} -> h.{i}.resid_post
    blocks.{i}.ln1 -> h.{i}.ln_1.out
    blocks.{i}.attn.query -> h.{i}.attn.q
    blocks.{i}.attn.key -> h.{i}.attn.k
    blocks.{i}.attn.value -> h.{i}.attn.v
    blocks.{i}.attn.attn_drop -> h.{i}.attn.att
    blocks.{i}.attn.proj -> h.{i}.attn.c_proj.out
    blocks.{i}.attn.resid_drop -> h.{i}.attn.c_proj.out
    blocks.{i}.attn -> h.{i}.attn.c_proj.out
    blocks.{i}.ln2 -> h.{i}.ln_2.out
    blocks.{i}.mlp.0 -> h.{i}.mlp.c_fc.out
    blocks.{i}.mlp.1 -> h.{i}.mlp.act.out
    blocks.{i}.mlp.2 -> h.{i}.mlp.c_proj.out
    blocks.{i}.mlp.3 -> h.{i}.mlp.c_proj.out
    blocks.{i}.mlp -> h.{i}.mlp.c_proj.out
    ln_f -> ln_f.out
    head -> logits
""")
