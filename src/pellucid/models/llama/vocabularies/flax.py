"""Flax: transformers' FlaxLlama and FlaxMistral, whose kernels are (in, out), as here.

Source: transformers 4, models/llama/modeling_flax_llama.py.
"""

from pellucid.models.llama.huggingface import is_map, their_name
from pellucid.models.llama.vocabularies.parameters import PARAMETERS, numbered
from pellucid.models.vocabularies.rule import rules

_LEAVES = {"wte.weight": "embedding", "lm_head.weight": "kernel.T"}


def _rule(ours: str) -> str:
    theirs = numbered(their_name(ours))
    leaf = _LEAVES.get(ours, "kernel" if is_map(their_name(ours)) else "weight")
    return f"{theirs.removesuffix('weight')}{leaf} -> {numbered(ours)}"


FLAX = rules("\n".join(_rule(name) for name in PARAMETERS if name.endswith("weight")))
"""Weights; biases have transformers' own names."""
