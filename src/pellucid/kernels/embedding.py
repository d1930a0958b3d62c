"""The embedding whose backward writes its table once (ATen's embedding_dense_backward)."""

import torch
from torch import Tensor

from pellucid.tape import NULL_TAPE, NullTape

ATEN = torch.ops.aten


def embedding(
    tokens: Tensor,
    *,
    weight: Tensor,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, tuple[Tensor, int]]:
    """As `pellucid.layers.embedding`."""
    return weight[tokens], (tokens, weight.shape[0])


def embedding_backward(
    dout: Tensor,
    cache: tuple[Tensor, int],
    *,
    tape: NullTape = NULL_TAPE,
) -> tuple[None, dict[str, Tensor]]:
    """As `pellucid.layers.embedding_backward`."""
    tokens, vocab_size = cache
    dweight = ATEN.embedding_dense_backward(
        dout, tokens, vocab_size, padding_idx=-1, scale_grad_by_freq=False
    )
    return None, {"weight": dweight}
