"""What a model's work costs: operations and bytes, counted in runs on meta tensors.

Only matrix products count, a multiplication and an addition for each pair of factors. Attention
counts whole, also where the mask leaves half of it out, as it does for everyone who gives such
numbers (Chowdhery et al. 2022, "PaLM", appendix B).
"""

from functools import cache
from math import prod

import torch
from torch.utils.flop_counter import FlopCounterMode

from pellucid.kernels.packing import PANEL, Form, packed_bytes
from pellucid.layers.facts import facts_of
from pellucid.models import GPT, GPTConfig
from pellucid.models.packed import matrices, readers

KEPT = {"float32": 4}
"""Bytes of a kept key's number beside weights of this form; otherwise two."""


@cache
def forward_flops(
    config: GPTConfig, batch: int, length: int, *, start: int = 0, scored: int | None = None
) -> int:
    """Operations of a forward pass over `batch` texts of `length` tokens that follow `start`.

    Logits are computed for the last `scored` positions, or for all.
    """
    model, past = GPT.without_weights(config, device="meta"), None
    if start:
        _, past = model.extend(torch.empty(batch, start, device="meta").long(), None, last=1)
    with FlopCounterMode(display=False) as counted:
        model.extend(torch.empty(batch, length, device="meta").long(), past, last=scored)
    return int(counted.get_total_flops())


def train_flops(config: GPTConfig, batch: int, length: int) -> int:
    """Operations of forward and backward: every product has two more of its size in the backward.

    Clipping and the update work number by number, and are not counted.
    """
    return 3 * forward_flops(config, batch, length)


def weight_bytes(config: GPTConfig, form: Form) -> int:
    """Bytes of all parameters that a decoded token reads when they are packed in this form.

    Of a table that a token is looked up in, one row is read: it is not counted.
    """
    total, packed_in = 0, matrices(config, form)
    for name, calls in readers(config).items():
        if all(facts_of(call.function).looked_up for call in calls):
            continue
        shape = config.parameter_shapes()[name]
        if name not in packed_in:
            total += 4 * prod(shape)
            continue
        kept, turned = packed_in[name]
        inputs, outputs = reversed(shape) if turned else shape
        total += packed_bytes((inputs, outputs), kept)
        total += 8 * PANEL * -(-outputs // PANEL) if kept == "int8" else 0  # scales and sums
    return total


def token_bytes(config: GPTConfig, form: Form, positions: float) -> float:
    """Bytes that one decoded token reads: the weights, and keys and values of `positions`."""
    kept = 2 * config.n_layer * config.n_embd * KEPT.get(form, 2)
    return weight_bytes(config, form) + kept * positions
