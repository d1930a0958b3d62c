"""LLMs-from-scratch: `Llama3Model` and `Qwen3Model`, whose heads stand in halves, as here.

Maps are (out, in). What W_query puts out is before the norm and the rotation.
Source: rasbt/LLMs-from-scratch, pkg/llms_from_scratch/llama3.py and qwen3.py.
"""

from pellucid.models.vocabularies.rule import rules

FROM_SCRATCH = rules("""
    tok_emb.weight -> wte.weight
    trf_blocks.{i}.norm1.weight -> h.{i}.ln_1.weight
    trf_blocks.{i}.norm1.scale -> h.{i}.ln_1.weight
    trf_blocks.{i}.att.W_query.weight.T -> h.{i}.attn.q_proj.weight
    trf_blocks.{i}.att.W_key.weight.T -> h.{i}.attn.k_proj.weight
    trf_blocks.{i}.att.W_value.weight.T -> h.{i}.attn.v_proj.weight
    trf_blocks.{i}.att.q_norm.scale -> h.{i}.attn.q_norm.weight
    trf_blocks.{i}.att.k_norm.scale -> h.{i}.attn.k_norm.weight
    trf_blocks.{i}.att.out_proj.weight.T -> h.{i}.attn.c_proj.weight
    trf_blocks.{i}.norm2.weight -> h.{i}.ln_2.weight
    trf_blocks.{i}.norm2.scale -> h.{i}.ln_2.weight
    trf_blocks.{i}.ff.fc1.weight.T -> h.{i}.mlp.gate_proj.weight
    trf_blocks.{i}.ff.fc2.weight.T -> h.{i}.mlp.up_proj.weight
    trf_blocks.{i}.ff.fc3.weight.T -> h.{i}.mlp.c_proj.weight
    final_norm.weight -> ln_f.weight
    final_norm.scale -> ln_f.weight
    out_head.weight -> lm_head.weight
    mask -> -
    cos -> -
    sin -> -

    # what modules put out
    tok_emb -> embed.out
    trf_blocks.{i} -> h.{i}.resid_post
    trf_blocks.{i}.norm1 -> h.{i}.ln_1.out
    trf_blocks.{i}.att.W_query -> h.{i}.attn.q_proj.out
    trf_blocks.{i}.att.W_key -> h.{i}.attn.k_proj.out
    trf_blocks.{i}.att.W_value -> h.{i}.attn.v_proj.out
    trf_blocks.{i}.att.q_norm -> h.{i}.attn.q_norm.out
    trf_blocks.{i}.att.k_norm -> h.{i}.attn.k_norm.out
    trf_blocks.{i}.att.out_proj -> h.{i}.attn.c_proj.out
    trf_blocks.{i}.att -> h.{i}.attn.c_proj.out
    trf_blocks.{i}.norm2 -> h.{i}.ln_2.out
    trf_blocks.{i}.ff.fc1 -> h.{i}.mlp.gate_proj.out
    trf_blocks.{i}.ff.fc2 -> h.{i}.mlp.up_proj.out
    trf_blocks.{i}.ff.fc3 -> h.{i}.mlp.c_proj.out
    trf_blocks.{i}.ff -> h.{i}.mlp.c_proj.out
    final_norm -> ln_f.out
    out_head -> logits
""")
