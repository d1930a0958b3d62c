"""All parameters that a model of Llama's family may have, as a vocabulary names them."""

import re

from pellucid.models.llama.config import LlamaConfig

_ALL = LlamaConfig(n_layer=1, qkv_bias=True, out_bias=True, mlp_bias=True, qk_norm=True, tied=False)


def numbered(name: str) -> str:
    """The name with `{i}` for the number of a layer."""
    return re.sub(r"\.0(?=\.)", ".{i}", name)


PARAMETERS = tuple(_ALL.parameter_shapes())
"""Their names, those of block 0 for all blocks."""
