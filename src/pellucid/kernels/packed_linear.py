"""Products with packed weights: forward only, natively or in plain PyTorch.

The activations are rounded as the form of the weight asks: to bfloat16, or to whole numbers of
which the largest of 32 inputs is 127. Sums are float32's, or
whole numbers.
"""

from typing import NoReturn
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn.functional import pad

from pellucid import native
from pellucid.errors import ConfigError
from pellucid.kernels.groups import GROUP
from pellucid.kernels.packing import Form, PackedWeight, columns, unpacked
from pellucid.layers import REFERENCE, Pair, cross_entropy
from pellucid.tape import NULL_TAPE, NullTape


def no_backward(*_: object, **__: object) -> NoReturn:
    """Raise `ConfigError`: packed weights are for reading, not for training."""
    raise ConfigError(
        "a packed model computes forward only, and a gradient was asked for: train the model, then "
        "pack it"
    )


def linear(
    x: Tensor,
    *,
    weight: PackedWeight | Tensor,
    bias: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, None]:
    """As `pellucid.layers.linear`, of a weight that is packed."""
    if isinstance(weight, Tensor):
        return REFERENCE.linear.forward(x, weight=weight, bias=bias)[0], None
    out = product(x, weight)
    return (out if bias is None else out.add_(bias)), None


def unembedding(
    x: Tensor, *, weight: PackedWeight | Tensor, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, None]:
    """As `pellucid.layers.unembedding`; the table (V, C) is packed as the weight (C, V)."""
    if isinstance(weight, Tensor):
        return REFERENCE.unembedding.forward(x, weight=weight)[0], None
    return product(x, weight), None


def embedding(
    tokens: Tensor, *, weight: PackedWeight | Tensor, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, None]:
    """As `pellucid.layers.embedding`, from a table that is packed."""
    if isinstance(weight, Tensor):
        return REFERENCE.embedding.forward(tokens, weight=weight)[0], None
    return columns(weight, tokens), None


def linear_cross_entropy(
    x: Tensor, targets: Tensor, *, weight: PackedWeight | Tensor, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, None]:
    """As `pellucid.layers.linear_cross_entropy`, of a head that is packed."""
    logits, _ = unembedding(x, weight=weight)
    return cross_entropy(logits, targets)[0], None


def product(x: Tensor, weight: PackedWeight) -> Tensor:
    """x (..., m) times the packed weight (m, n), in float32."""
    table = native.library()
    if table is None:
        return rounded(x, weight.form) @ plain(weight)
    rows = x.float().reshape(-1, x.shape[-1]).contiguous()
    out = torch.empty(len(rows), weight.shape[1])
    table.linear(
        weight.weight(), rows.data_ptr(), out.data_ptr(), len(rows), torch.get_num_threads()
    )
    return out.view(*x.shape[:-1], -1)


def rounded(x: Tensor, form: Form) -> Tensor:
    """Activations as a product with this form of weight takes them, in float32."""
    if form == "float32":
        return x.float()
    if form == "bfloat16":
        return x.bfloat16().float()
    filled = pad(x.float(), (0, -x.shape[-1] % GROUP)).unflatten(-1, (-1, GROUP))
    return _to_int8(filled).flatten(-2)[..., : x.shape[-1]]


def _to_int8(x: Tensor) -> Tensor:
    """Each row in steps of a 127th of its largest number."""
    largest = x.abs().amax(-1, keepdim=True)
    whole = (x * (127 / largest).nan_to_num(0, 0, 0)).round()
    return whole * (largest / 127)


_PLAIN: "WeakKeyDictionary[PackedWeight, Tensor]" = WeakKeyDictionary()


def plain(weight: PackedWeight) -> Tensor:
    """What the weight stands for, in float32; unpacked once, for where nothing reads panels."""
    found = _PLAIN.get(weight)
    if found is None:
        _PLAIN[weight] = found = unpacked(weight)
    return found


LINEAR = Pair(linear, no_backward)
EMBEDDING = Pair(embedding, no_backward)
UNEMBEDDING = Pair(unembedding, no_backward)
LOSS = Pair(linear_cross_entropy, no_backward)
