"""The Gaussian error linear unit in one pass (ATen's gelu), in both forms."""

from functools import partial

import torch
from torch import Tensor

from pellucid.tape import NULL_TAPE, NullTape

ATEN = torch.ops.aten


def gelu(
    x: Tensor,
    *,
    approximate: str,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, Tensor]:
    """As `pellucid.layers.gelu_tanh` or, with `approximate="none"`, `gelu_erf`."""
    return ATEN.gelu(x, approximate=approximate), x


def gelu_backward(
    dout: Tensor,
    cache: Tensor,
    *,
    approximate: str,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """As the backward of the same form in `pellucid.layers`."""
    return ATEN.gelu_backward(dout, cache, approximate=approximate), {}


gelu_tanh = partial(gelu, approximate="tanh")
gelu_tanh_backward = partial(gelu_backward, approximate="tanh")
gelu_erf = partial(gelu, approximate="none")
gelu_erf_backward = partial(gelu_backward, approximate="none")
