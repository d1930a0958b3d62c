"""Causal attention and its gradients by the native library, for float32 and bfloat16 on a CPU."""

from typing import Any

import torch
from torch import Tensor

from pellucid import native

KINDS = (torch.float32, torch.bfloat16)
"""What it takes, in native.h's order."""


def takes(q: Tensor) -> bool:
    """Whether the library is there and takes attention on such a tensor (B, H, T, d)."""
    fits = q.dtype in KINDS and q.device.type == "cpu" and q.shape[-1] % 2 == 0
    return fits and native.library() is not None


def attend(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """z (B, H, T, d), and the logarithms of the softmax's denominators (B, H, T)."""
    z, logsumexp = beside(q), q.new_empty(q.shape[:3], dtype=torch.float32)
    _call(backward=False, q=q, k=k, v=v, z=z, logsumexp=logsumexp)
    return z, logsumexp


def attend_backward(
    dz: Tensor, *, q: Tensor, k: Tensor, v: Tensor, z: Tensor, logsumexp: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """dq, dk and dv, from what `attend` took and gave."""
    dq, dk, dv = beside(q), beside(k), beside(v)
    came = {"q": q, "k": k, "v": v, "z": z, "logsumexp": logsumexp, "dz": dz}
    _call(backward=True, dq=dq, dk=dk, dv=dv, **came)
    return dq, dk, dv


def beside(x: Tensor) -> Tensor:
    """Room for a tensor of x's shape, a position's heads side by side, as ATen makes it too."""
    batch, heads, length, width = x.shape
    return x.new_empty(batch, length, heads, width).transpose(1, 2)


def rows_whole(x: Tensor) -> Tensor:
    """The tensor with the numbers of each row side by side, which kernels rely on and do not ask.

    Queries whose heads are halved into single channels and turned may come otherwise.
    """
    return x if x.stride(-1) == 1 else x.contiguous()


def laid_beside(x: Tensor) -> Tensor:
    """The tensor laid out as `beside` is, copied only where it is not."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def _call(*, backward: bool, **tensors: Tensor) -> None:
    library: Any = native.library()
    held = {name: rows_whole(x) for name, x in tensors.items()}
    told: Any = native.Attention(**{name: x.data_ptr() for name, x in held.items()})
    for name in native.STRIDED & held.keys():
        setattr(told, f"{name}_strides", held[name].stride()[:3])
    told.batch, told.heads, told.length, told.d = held["q"].shape
    told.kind = KINDS.index(held["q"].dtype)
    library.attend(told, backward, torch.get_num_threads())
