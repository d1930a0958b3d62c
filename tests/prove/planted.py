"""Mistakes planted in layers, for proofs to find."""

from typing import Any

import pytest
from torch import Tensor

from pellucid import layers
from pellucid.layers import REFERENCE, Pair
from pellucid.layers.layer import layer
from pellucid.tape import NULL_TAPE, NullTape

MISTAKEN = {"balls": True}
"""Whether the mistakes below are in the code itself, or only where it runs on tensors."""


@layer()
def layer_norm_backward(dout: Any, cache: Any, *, tape: NullTape = NULL_TAPE) -> Any:
    """The term of the mean is left out."""
    if not isinstance(dout, Tensor) and not MISTAKEN["balls"]:
        return layers.layer_norm_backward(dout, cache, tape=tape)
    xhat, rstd, weight, _ = cache
    dxhat = dout * weight
    dx = rstd * (dxhat - xhat * (dxhat * xhat).mean(-1, keepdim=True))
    dweight, dbias = (dout * xhat).flatten(0, -2).sum(0), dout.flatten(0, -2).sum(0)
    tape(dout=dout, dweight=dweight, dbias=dbias, dxhat=dxhat, dx=dx)
    return dx, {"weight": dweight, "bias": dbias}


@layer()
def linear_backward(dout: Any, cache: Any, *, tape: NullTape = NULL_TAPE) -> Any:
    """A weight's gradient is off by one part in a million."""
    if not isinstance(dout, Tensor) and not MISTAKEN["balls"]:
        return layers.linear_backward(dout, cache, tape=tape)
    x, weight, _ = cache
    flat = dout.flatten(0, -2)
    dx = dout @ weight.mT
    dweight = (x.flatten(0, -2).mT @ flat) * (1 + 1e-6)
    dbias = flat.sum(0)
    tape(dout=dout, dweight=dweight, dbias=dbias, dx=dx)
    return dx, {"weight": dweight, "bias": dbias}


WRONG = {
    "layer_norm": Pair(layers.layer_norm, layer_norm_backward),
    "linear": Pair(layers.linear, linear_backward),
}

LINEAR = {f"h.0.{name}.weight" for name in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")}


def plant(monkeypatch: pytest.MonkeyPatch, name: str, *, both: bool) -> None:
    monkeypatch.setitem(vars(REFERENCE), name, WRONG[name])
    monkeypatch.setitem(MISTAKEN, "balls", both)
