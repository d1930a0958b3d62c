"""Native kernels: a small C++ library for products with packed weights and for whole blocks.

native.h        what C++ and Python agree on
vectors.h       vectors as wide as the processor's registers, bfloat16, the exponential
products.h      rows times a packed weight: the loops that all the time goes into
scratch.h       memory that a call computes in
rows.h          norms, rotation, GELU and SiLU, rounding a row to int8 or bfloat16
attention.h     attention on keys and values that are kept
blocks.h        pre-norm blocks from parts: what GPT-2's and Llama's have, and a stack of them
training.h      causal attention and its gradients, for training
adamw.h         a step of AdamW on all weights of a model
kernels.cpp     the table of what is called; compiled once for each kind of processor
library.cpp     which of them this processor runs
build.py        how the library is built
library.py      how it is called
"""

from pellucid.native.library import (
    STRIDED,
    Attention,
    Block,
    KernelTable,
    Leaf,
    NormStruct,
    Pass,
    Rates,
    Weight,
    level,
    library,
    missing,
)

__all__ = [
    "STRIDED",
    "Attention",
    "Block",
    "KernelTable",
    "Leaf",
    "NormStruct",
    "Pass",
    "Rates",
    "Weight",
    "level",
    "library",
    "missing",
]
