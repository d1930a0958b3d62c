"""Multi-head attention from queries, keys and values: what self- and cross-attention share."""

from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers.facts import BY_ROWS, Meaning
from pellucid.layers.layer import layer
from pellucid.layers.ops import Ops
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree


class Past(NamedTuple):
    """Keys and values of earlier positions, each (..., H, S, d), kept for generation."""

    k: Tensor
    v: Tensor

    @property
    def length(self) -> int:
        """How many positions."""
        return self.k.shape[-2]

    def first(self, count: int) -> "Past":
        """The first `count` positions alone."""
        return Past(self.k[..., :count, :], self.v[..., :count, :])


class MultiHeadCache(NamedTuple):
    """What the backward needs, layer by layer."""

    core: Any
    c_proj: Any
    dropout: Any
    n_head: int


def split_heads(x: Tensor, n_head: int) -> Tensor:
    """(..., T, C) -> (..., H, T, C/H): each head takes its own run of channels."""
    return x.reshape(*x.shape[:-1], n_head, -1).transpose(-3, -2)


def merge_heads(x: Tensor) -> Tensor:
    """(..., H, T, d) -> (..., T, H·d): the heads side by side again."""
    return x.transpose(-3, -2).flatten(-2)


@layer(
    "merged = concat(z)",
    values={
        "q": Meaning("H T d", "Q", "queries, head by head"),
        "merged": Meaning("T C", "concat(A V)", "the heads side by side"),
    },
    split={"c_proj": BY_ROWS},
)
def multi_head(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    c_proj: Tree,
    mask: Tensor | None,
    ops: Ops,
    attn_noise: Tensor | None = None,
    resid_noise: Tensor | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, MultiHeadCache]:
    """z = att v in each head, out = concat(z) W' + b'.

    Shapes: q (..., H, T, d), k and v (..., H, S, d), out (..., T, C) with C = H·d; c_proj maps C to
    C; `mask` and the noises as in `scaled_dot_product` and `dropout`.
    Source: Vaswani et al. 2017, 3.2.2.
    """
    z, core_cache = ops.scaled_dot_product.forward(
        q, k, v, mask=mask, noise=attn_noise, tape=tape
    )  # (..., H, T, d)
    merged = merge_heads(z)  # (..., T, C)
    tape(merged=merged)
    projected, c_proj_cache = ops.linear.forward(merged, **c_proj, tape=tape.at("c_proj"))
    out, dropout_cache = ops.dropout.forward(
        projected, noise=resid_noise, tape=tape.at("resid_dropout")
    )  # (..., T, C)
    return out, MultiHeadCache(core_cache, c_proj_cache, dropout_cache, q.shape[-3])


@layer(
    "dz = heads(dmerged)",
)
def multi_head_backward(
    dout: Tensor, cache: MultiHeadCache, *, ops: Ops, tape: NullTape = NULL_TAPE
) -> tuple[tuple[Tensor, Tensor, Tensor], Tree]:
    """Undo each line of `multi_head` from the last to the first."""
    dprojected, _ = ops.dropout.backward(dout, cache.dropout, tape=tape.at("resid_dropout"))
    dmerged, c_proj = ops.linear.backward(dprojected, cache.c_proj, tape=tape.at("c_proj"))
    dz = split_heads(dmerged, cache.n_head)  # (..., H, T, d)
    tape(dmerged=dmerged, dz=dz)
    (dq, dk, dv), _ = ops.scaled_dot_product.backward(dz, cache.core, tape=tape)
    return (dq, dk, dv), {"c_proj": c_proj}
