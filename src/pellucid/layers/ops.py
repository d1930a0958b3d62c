"""Ops: the table of pairs that composite layers and models are built from.

`REFERENCE` holds the pairs of this room: the truth. `pellucid.kernels.FAST` replaces whole pairs by
faster ones of the same signatures; since a pair's cache is its own affair, a backward must come
from the same table as its forward. Blocks and their stack are in the table too, so that a kernel
may compute them in a single call; their own parts come from the table that they are given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple


class Pair(NamedTuple):
    """A layer's two functions: `forward(x, ...) -> out, cache`, `backward(dout, cache) -> ...`."""

    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[..., tuple[Any, Any]]


@dataclass(frozen=True)
class Ops:
    """One pair for each primitive layer, for a GPT's and a Llama's blocks, and for a stack."""

    embedding: Pair
    position: Pair
    linear: Pair
    lora_linear: Pair
    layer_norm: Pair
    rms_norm: Pair
    gelu_tanh: Pair
    gelu_erf: Pair
    relu: Pair
    silu: Pair
    rotary: Pair
    scaled_dot_product: Pair
    dropout: Pair
    unembedding: Pair
    linear_cross_entropy: Pair
    linear_smooth_cross_entropy: Pair
    block: Pair
    gated_block: Pair
    stack: Pair


BLOCKS = ("block", "gated_block")
"""The pairs of a table that models stack."""

COMPOSITE = (*BLOCKS, "stack")
"""Those that hand their parameters on to others of the table."""
