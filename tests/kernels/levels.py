"""On which processors, and with which forms of weights, kernels are tried."""

import platform

import pytest

from pellucid.kernels.packing import KINDS
from pellucid.native.build import VARIANTS

each_form = pytest.mark.parametrize("form", KINDS)

LEVELS = [*VARIANTS.get(platform.machine(), {})]
WHERE = ["off", *LEVELS]

each_level = pytest.mark.parametrize("level", WHERE, indirect=True)
"""The fixture `level` chooses the kernels of each."""

# What rounding the weights and activations may change of a tiny model's logits, of their size: a
# float32's, bfloat16's and int8's steps, and a fifteenth for int4.
ROUNDINGS = {"float32": 2e-6, "bfloat16": 0.03, "int8": 0.04, "int4": 0.4}
ROUNDINGS |= {"q4_0": 0.5, "q4_1": 0.4}
