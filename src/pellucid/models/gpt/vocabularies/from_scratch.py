"""LLMs-from-scratch: `GPTModel` and `GPTModelFast` of Sebastian Raschka's book.

Maps are (out, in). A map's bias of queries, keys and values is there if `qkv_bias` is. The block's
dropout runs twice, so that its name tells nothing.
Source: rasbt/LLMs-from-scratch, pkg/llms_from_scratch/ch03.py and ch04.py.
"""

from pellucid.models.vocabularies.rule import rules

FROM_SCRATCH = rules("""
    tok_emb.weight -> wte.weight
    pos_emb.weight -> wpe.weight
    trf_blocks.{i}.norm1.scale -> h.{i}.ln_1.weight
    trf_blocks.{i}.norm1.shift -> h.{i}.ln_1.bias
    trf_blocks.{i}.att.W_query.weight.T, trf_blocks.{i}.att.W_key.weight.T, \
trf_blocks.{i}.att.W_value.weight.T -> h.{i}.attn.c_attn.weight
    trf_blocks.{i}.att.W_query.bias, trf_blocks.{i}.att.W_key.bias, \
trf_blocks.{i}.att.W_value.bias -> h.{i}.attn.c_attn.bias
    trf_blocks.{i}.att.out_proj.weight.T -> h.{i}.attn.c_proj.weight
    trf_blocks.{i}.att.out_proj.bias -> h.{i}.attn.c_proj.bias
    trf_blocks.{i}.norm2.scale -> h.{i}.ln_2.weight
    trf_blocks.{i}.norm2.shift -> h.{i}.ln_2.bias
    trf_blocks.{i}.ff.layers.0.weight.T -> h.{i}.mlp.c_fc.weight
    trf_blocks.{i}.ff.layers.0.bias -> h.{i}.mlp.c_fc.bias
    trf_blocks.{i}.ff.layers.2.weight.T -> h.{i}.mlp.c_proj.weight
    trf_blocks.{i}.ff.layers.2.bias -> h.{i}.mlp.c_proj.bias
    final_norm.scale -> ln_f.weight
    final_norm.shift -> ln_f.bias
    out_head.weight -> lm_head.weight
    trf_blocks -> -
    trf_blocks.{i}.att.mask -> -
    trf_blocks -> -
    trf_blocks.{i}.drop_resid -> -
    trf_blocks.{i}.drop_shortcut -> -

    # GPTModelFast
    trf_blocks.{i}.norm1.weight -> h.{i}.ln_1.weight
    trf_blocks.{i}.norm1.bias -> h.{i}.ln_1.bias
    trf_blocks.{i}.att.qkv.weight.T -> h.{i}.attn.c_attn.weight
    trf_blocks.{i}.att.qkv.bias -> h.{i}.attn.c_attn.bias
    trf_blocks.{i}.att.proj.weight.T -> h.{i}.attn.c_proj.weight
    trf_blocks.{i}.att.proj.bias -> h.{i}.attn.c_proj.bias
    trf_blocks.{i}.norm2.weight -> h.{i}.ln_2.weight
    trf_blocks.{i}.norm2.bias -> h.{i}.ln_2.bias
    final_norm.weight -> ln_f.weight
    final_norm.bias -> ln_f.bias

    # what modules put out
    tok_emb -> embed.out
    pos_emb -> wpe.rows
    drop_emb -> wpe.out
    trf_blocks.{i} -> h.{i}.resid_post
    trf_blocks.{i}.norm1 -> h.{i}.ln_1.out
    trf_blocks.{i}.att.W_query -> h.{i}.attn.q
    trf_blocks.{i}.att.W_key -> h.{i}.attn.k
    trf_blocks.{i}.att.W_value -> h.{i}.attn.v
    trf_blocks.{i}.att.qkv -> h.{i}.attn.c_attn.out
    trf_blocks.{i}.att.dropout -> h.{i}.attn.att
    trf_blocks.{i}.att.out_proj -> h.{i}.attn.c_proj.out
    trf_blocks.{i}.att.proj -> h.{i}.attn.c_proj.out
    trf_blocks.{i}.att -> h.{i}.attn.c_proj.out
    trf_blocks.{i}.norm2 -> h.{i}.ln_2.out
    trf_blocks.{i}.ff.layers.0 -> h.{i}.mlp.c_fc.out
    trf_blocks.{i}.ff.layers.1 -> h.{i}.mlp.act.out
    trf_blocks.{i}.ff.layers.2 -> h.{i}.mlp.c_proj.out
    trf_blocks.{i}.ff.layers -> h.{i}.mlp.c_proj.out
    trf_blocks.{i}.ff -> h.{i}.mlp.c_proj.out
    final_norm -> ln_f.out
    out_head -> logits
""")
