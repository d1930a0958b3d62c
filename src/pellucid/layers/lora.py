"""LoRA: a linear map that is finetuned through two thin matrices beside its weight."""

from typing import NamedTuple

from torch import Tensor

from pellucid.layers.facts import Meaning, given, without
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present


class LoraCache(NamedTuple):
    """What the backward needs."""

    x: Tensor
    weight: Tensor
    bias: Tensor | None
    lora_a: Tensor
    lora_b: Tensor
    low: Tensor


def lora_shapes(into: int, out: int, rank: int) -> Tree:
    """The pair of thin matrices beside a linear map from `into` to `out`."""
    return {"lora_a": (into, rank), "lora_b": (rank, out)}


@layer(
    given("bias", "base = x weight + bias"),
    without("bias", "base = x weight"),
    "low = x lora_a",
    "learned = low lora_b",
    "out = base + learned",
    values={
        "x": Meaning("T m", "x", "input"),
        "weight": Meaning("m n", "W", "weight, (in, out)"),
        "bias": Meaning("n", "b", "bias"),
        "lora_a": Meaning("m r", "A", "down to LoRA's rank, (in, r)"),
        "lora_b": Meaning("r n", "B", "and up again, (r, out); 0 at the start"),
        "base": Meaning("T n", "x W + b", "the map without its pair, with LoRA only"),
        "low": Meaning("T r", "x A", "the input brought down to LoRA's rank"),
        "learned": Meaning("T n", "x A B", "what LoRA's matrices adds to the map"),
        "out": Meaning("T n", "x W + b + x A B", "output"),
    },
)
def lora_linear(
    x: Tensor,
    *,
    weight: Tensor,
    bias: Tensor | None = None,
    lora_a: Tensor,
    lora_b: Tensor,
    tape: NullTape = NULL_TAPE,
) -> tuple[Tensor, LoraCache]:
    """out = x weight + bias + (x lora_a) lora_b: what the map was, and what it learns beside it.

    The paper's factor α/r is 1 here: it keeps α at its first r, since tuning α is roughly the same
    as tuning the learning rate (4.1).

    Shapes: x (..., T, m), weight (m, n), bias (n,), lora_a (m, r), lora_b (r, n), out (..., T, n).
    Source: Hu et al. 2021, "LoRA: Low-rank adaptation of large language models", 4.1, whose
    matrices A (r, m) and B (n, r) multiply columns: lora_a is its Aᵀ and lora_b its Bᵀ.
    """
    product = x @ weight  # (..., T, n)
    base = product if bias is None else product + bias  # (..., T, n)
    low = x @ lora_a  # (..., T, r)
    learned = low @ lora_b  # (..., T, n)
    out = base + learned
    tape.note(product=product)
    tape(base=base, low=low, learned=learned, out=out)
    return out, LoraCache(x, weight, bias, lora_a, lora_b, low)


@layer(
    "dlora_b = lowᵀ dout",
    "dlow = dout lora_bᵀ",
    "dlora_a = xᵀ dlow",
    "dweight = xᵀ dout",
    given("cache.bias", "dbias = Σₜ dout"),
    "dx = dout weightᵀ + dlow lora_aᵀ",
)
def lora_linear_backward(
    dout: Tensor, cache: LoraCache, *, tape: NullTape = NULL_TAPE
) -> tuple[Tensor, dict[str, Tensor]]:
    """Undo out = base + (x lora_a) lora_b; both uses of x add up.

    The gradients of weight and bias are here too: whoever trains only the pair leaves them be.
    """
    x, weight, bias, lora_a, lora_b, low = cache
    flat = dout.flatten(0, -2)  # (N, n)
    dlora_b = low.flatten(0, -2).mT @ flat  # (r, n)
    dlow = dout @ lora_b.mT  # (..., T, r)
    dlora_a = x.flatten(0, -2).mT @ dlow.flatten(0, -2)  # (m, r)
    dweight = x.flatten(0, -2).mT @ flat  # (m, n)
    dbias = None if bias is None else flat.sum(0)  # (n,)
    dx = dout @ weight.mT + dlow @ lora_a.mT  # (..., T, m)
    tape(dout=dout, dlow=dlow, dlora_b=dlora_b, dlora_a=dlora_a)
    tape(dweight=dweight, dbias=dbias, dx=dx)
    return dx, present(weight=dweight, bias=dbias, lora_a=dlora_a, lora_b=dlora_b)
