"""Scaled dot-product attention: every position gathers values from those it may look at."""

import functools
import math
from typing import Any

import torch
from torch import Tensor

from pellucid.layers.dropout import dropout, dropout_backward
from pellucid.layers.facts import VALUE, Meaning, given, without
from pellucid.layers.layer import layer
from pellucid.layers.ops import Pair
from pellucid.layers.softmax import softmax, softmax_backward
from pellucid.tape import NULL_TAPE, NullTape

DROPOUT = Pair(dropout, dropout_backward)


@functools.lru_cache(maxsize=64)
def causal_mask(
    queries: int, keys: int, device: torch.device, *, window: int | None = None
) -> Tensor:
    """The mask (T, S) that hides the future: True where a query may look at a key.

    The last query stands at the last key: with earlier keys kept (S > T), query i sits at position
    S - T + i. With a window it looks at so many positions at most, its own among them. The same
    tensor each time, so that a fast kernel can know it by identity.
    """
    may_look = torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)
    return may_look if window is None else may_look.triu(keys - queries - window + 1)


@layer(
    given("mask", "scores = q kᵀ / √d where mask, else -∞"),
    without("mask", "scores = q kᵀ / √d"),
    "att = softmax(scores)",
    "z = kept v",
    values={
        "q": Meaning("H T d", "Q", "queries, head by head"),
        "k": Meaning("H S d", "K", "keys"),
        "v": Meaning("H S d", "V", "values"),
        "scores": Meaning("H T S", "Q Kᵀ/√d", "how well each query fits each key; -∞ where hidden"),
        "att": Meaning(
            "H T S",
            "A",
            "attention: softmax of a row of scores",
            matters=(VALUE,),
        ),
        "attn_dropout.noise": Meaning(
            "H T S", "", "0 where dropped, else 1/(1-p); only in training", shown=False
        ),
        "attn_dropout.out": Meaning(
            "H T S", "", "what dropout leaves; only in training", shown=False
        ),
        "kept": Meaning(
            "H T S",
            "A",
            "attention that is used: att, but where dropped or set by hand",
            shown=False,
        ),
        "z": Meaning("H T d", "A V", "what each head gathered"),
    },
)
def scaled_dot_product(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    mask: Tensor | None = None,
    noise: Tensor | None = None,
    keep: Pair = DROPOUT,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, tuple[Any, ...]]:
    """att = softmax(q kᵀ / √d), z = att v, in each head by itself.

    Shapes: q (..., H, T, d), k and v (..., H, S, d), att (..., H, T, S), z (..., H, T, d). `mask`
    is boolean, broadcast to att, True where a query may look; a hidden key scores -∞. `noise` is
    dropout's, in the shape of att. `keep` is the pair that decides what of att is used.
    Source: Vaswani et al. 2017, "Attention is all you need", 3.2.1.
    """
    products = q @ k.mT / math.sqrt(q.shape[-1])  # (..., H, T, S)
    scores = products if mask is None else products.masked_fill(mask.logical_not(), -math.inf)
    att, softmax_cache = softmax(scores, tape=tape.within("softmax"))  # (..., H, T, S)
    tape.note(products=products)
    tape(scores=scores, att=att)
    kept, keep_cache = keep.forward(
        att, noise=noise, tape=tape.at("attn_dropout")
    )  # (..., H, T, S)
    z = kept @ v  # (..., H, T, d)
    tape(kept=kept, z=z)
    return z, (q, k, v, kept, keep_cache, softmax_cache)


@layer(
    "dv = keptᵀ dz",
    "dkept = dz vᵀ",
    "dscores = att · (datt - Σ datt · att)",
    "dq = dscores k / √d",
    "dk = dscoresᵀ q / √d",
)
def scaled_dot_product_backward(
    dz: Tensor, cache: tuple[Any, ...], *, keep: Pair = DROPOUT, tape: NullTape = NULL_TAPE
) -> tuple[tuple[Tensor, Tensor, Tensor], dict[str, Tensor]]:
    """Undo z = att v, att = softmax(scores), scores = q kᵀ / √d, in this order.

    Where the mask hid a key, att is 0 and with it dscores: the backward needs no mask.
    """
    q, k, v, kept, keep_cache, softmax_cache = cache
    dv = kept.mT @ dz  # (..., H, S, d)
    dkept = dz @ v.mT  # (..., H, T, S)
    tape(dz=dz, dv=dv, dkept=dkept)
    datt, _ = keep.backward(dkept, keep_cache, tape=tape.at("attn_dropout"))
    inner = tape.within("softmax")
    dscores, _ = softmax_backward(datt, softmax_cache, tape=inner)  # (..., H, T, S)
    dproducts = dscores / math.sqrt(q.shape[-1])  # (..., H, T, S)
    dq = dproducts @ k  # (..., H, T, d)
    dk = dproducts.mT @ q  # (..., H, S, d)
    tape.note(dproducts=dproducts)
    tape(datt=datt, dscores=dscores, dq=dq, dk=dk)
    return (dq, dk, dv), {}
