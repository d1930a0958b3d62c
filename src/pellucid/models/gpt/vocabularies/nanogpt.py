"""nanoGPT, build-nanogpt and today's minGPT: transformers' names, with Linear's weights (out, in).

`attn.bias` is the mask, a buffer. Modules that transformers has too are read by its names.
Source: karpathy/nanoGPT, model.py; karpathy/build-nanogpt, train_gpt2.py; karpathy/minGPT.
"""

from pellucid.models.gpt.vocabularies.linear import parameters
from pellucid.models.vocabularies.rule import rules

NANOGPT = parameters("transformer.", "transformer.h") + rules("""
    transformer.h.{i}.mlp.gelu -> h.{i}.mlp.act.out
    transformer.h.{i}.attn.bias -> -
    transformer.h.{i}.attn.masked_bias -> -
""")
