"""What a model's work costs: operations and bytes, counted in runs on meta tensors.

Only matrix products count, a multiplication and an addition for each pair of factors. Attention
counts whole, also where the mask leaves half of it out, as it does for everyone who gives such
numbers (Chowdhery et al. 2022, "PaLM", appendix B).
"""

from dataclasses import replace
from functools import cache
from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from pellucid.kernels.packing import Form, packed_bytes
from pellucid.layers.facts import facts_of
from pellucid.models import CausalModel, kind_of
from pellucid.models.packed import matrices, readers

CausalConfig = Any
"""The configuration of a model that looks back only."""

KEPT = {"float32": 4}
"""Bytes of a kept key's number beside weights of this form; otherwise two."""


@cache
def forward_flops(
    config: CausalConfig, batch: int, length: int, *, start: int = 0, scored: int | None = None
) -> int:
    """Operations of a forward pass over `batch` texts of `length` tokens that follow `start`.

    Logits are computed for the last `scored` positions, or for all.
    """
    model, past = _causal(config).without_weights(config, device="meta"), None
    if start:
        _, past = model.extend(torch.empty(batch, start, device="meta").long(), None, last=1)
    with FlopCounterMode(display=False) as counted:
        model.extend(torch.empty(batch, length, device="meta").long(), past, last=scored)
    return int(counted.get_total_flops())


def train_flops(config: CausalConfig, batch: int, length: int) -> int:
    """Operations of forward and backward: every product has two more of its size in the backward.

    Clipping and the update work number by number, and are not counted.
    """
    return 3 * forward_flops(config, batch, length)


def weight_bytes(config: CausalConfig, form: Form) -> int:
    """Bytes of all parameters that a decoded token reads, packed in this form where they can be.

    Of a table that a token is looked up in, one row is read: it is not counted.
    """
    kind: Any = _causal(config)
    total, packed_in = 0, matrices(kind, config, form) if kind.packable else {}
    for name, calls in readers(kind, config).items():
        if all(facts_of(call.function).looked_up for call in calls):
            continue
        shape = config.parameter_shapes()[name]
        if name not in packed_in:
            total += (4 if kind.packable else KEPT.get(form, 2)) * prod(shape)
            continue
        kept, turned = packed_in[name]
        inputs, outputs = reversed(shape) if turned else shape
        total += packed_bytes((inputs, outputs), kept)
        total += 4 * outputs if kept == "int4" else 0  # scales of columns
    return total


def step_bytes(config: CausalConfig) -> int:
    """Bytes of float32 parameters that a training step reads and writes, activations left out.

    A parameter is read in the forward and in the backward pass; its gradient is written, and read
    for the norm that it is clipped by; AdamW reads both and two moments, and writes all but one.
    """
    return 4 * 11 * sum(map(prod, config.parameter_shapes().values()))


def token_bytes(config: CausalConfig, form: Form, positions: float) -> float:
    """Bytes that one decoded token reads: the weights, and keys and values of `positions`."""
    model = _causal(config).without_weights(replace(config, block_size=1, vocab_size=1))
    _, past = model.extend([0], None)
    kept = sum(layer.k.numel() + layer.v.numel() for layer in past)
    return weight_bytes(config, form) + KEPT.get(form, 2) * kept * positions


def _causal(config: CausalConfig) -> type[CausalModel]:
    """The kind of model that has this configuration."""
    kind = kind_of(config)
    assert issubclass(kind, CausalModel)
    return kind
