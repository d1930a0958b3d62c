"""Variants of layer norm, linear maps and the loss."""

from collections.abc import Callable, Mapping
from operator import add, matmul, mul, sub
from typing import Any

import torch

from pellucid.layers import (
    IGNORE,
    LoraCache,
    cross_entropy,
    cross_entropy_backward,
    layer_norm,
    layer_norm_backward,
    linear,
    linear_backward,
    linear_cross_entropy,
    lora_linear,
    lora_linear_backward,
    unembedding,
    unembedding_backward,
    wide,
)
from pellucid.tree import present

Step = Callable[..., Any]


def _as_it_is(value: Any, *_: Any) -> Any:
    return value


def _over_positions(flat: Any) -> Any:
    return flat.sum(0)


def _row_mean(rows: Any) -> Any:
    return rows.mean(-1, keepdim=True)


# -- layer norm -----------------------------------------------------------------------------------


def _layer_norm(
    *,
    x: Any,
    weight: Any,
    eps: float,
    tape: Any,
    bias: Any = None,
    row_mean: Step = _row_mean,
    center: Step = sub,
    average: Step = _row_mean,
    root: Step = lambda variance, eps: (variance + eps).rsqrt(),
    gain: Step = mul,
    shift: Step = add,
) -> Any:
    mean = row_mean(x)
    centered = center(x, mean)
    variance = average(centered.square())
    rstd = root(variance, eps)
    xhat = centered * rstd
    scaled = gain(xhat, weight)
    out = scaled if bias is None else shift(scaled, bias)
    tape(mean=mean, variance=variance, rstd=rstd, xhat=xhat, out=out)
    return out, (xhat, rstd, weight, bias)


def _dx_of_norm(rstd: Any, dxhat: Any, along_ones: Any, xhat: Any, along_xhat: Any) -> Any:
    return rstd * (dxhat - along_ones - xhat * along_xhat)


def _layer_norm_backward(
    *,
    dout: Any,
    cache: Any,
    tape: Any,
    gain: Step = mul,
    row_mean: Step = _row_mean,
    average: Step = _row_mean,
    undo: Step = _dx_of_norm,
    over_positions: Step = _over_positions,
) -> Any:
    xhat, rstd, weight, bias = cache
    dxhat = gain(dout, weight)
    along_ones = row_mean(dxhat)
    along_xhat = average(dxhat * xhat)
    dx = undo(rstd, dxhat, along_ones, xhat, along_xhat)
    dweight = (dout * xhat).flatten(0, -2).sum(0)
    dbias = None if bias is None else over_positions(dout.flatten(0, -2))
    tape(dout=dout, dweight=dweight, dbias=dbias, dxhat=dxhat, dx=dx)
    return dx, present(weight=dweight, bias=dbias)


# -- linear maps ----------------------------------------------------------------------------------


def _linear(
    *,
    x: Any,
    weight: Any,
    tape: Any,
    bias: Any = None,
    read: Step = _as_it_is,
    product: Step = matmul,
    shift: Step = add,
) -> Any:
    made = product(x, read(weight))
    out = made if bias is None else shift(made, bias)
    tape(out=out)
    return out, (x, weight, bias)


def _linear_backward(
    *,
    dout: Any,
    cache: Any,
    tape: Any,
    read: Step = _as_it_is,
    unread: Step = _as_it_is,
    product: Step = matmul,
    over_positions: Step = _over_positions,
) -> Any:
    x, weight, bias = cache
    flat = dout.flatten(0, -2)
    dx = product(dout, read(weight).mT)
    dweight = unread(product(x.flatten(0, -2).mT, flat), weight)
    dbias = None if bias is None else over_positions(flat)
    tape(dout=dout, dweight=dweight, dbias=dbias, dx=dx)
    return dx, present(weight=dweight, bias=dbias)


def _lora_linear(
    *,
    x: Any,
    weight: Any,
    lora_a: Any,
    lora_b: Any,
    tape: Any,
    bias: Any = None,
    read: Step = _as_it_is,
    product: Step = matmul,
    shift: Step = add,
    join: Step = add,
) -> Any:
    made = product(x, read(weight))
    base = made if bias is None else shift(made, bias)
    low = product(x, lora_a)
    learned = product(low, lora_b)
    out = join(base, learned)
    tape(base=base, low=low, learned=learned, out=out)
    return out, LoraCache(x, weight, bias, lora_a, lora_b, low)


def _lora_linear_backward(
    *,
    dout: Any,
    cache: Any,
    tape: Any,
    read: Step = _as_it_is,
    unread: Step = _as_it_is,
    product: Step = matmul,
    over_positions: Step = _over_positions,
    learned_part: Step = _as_it_is,
    join: Step = add,
) -> Any:
    x, weight, bias, lora_a, lora_b, low = cache
    flat, dlearned = dout.flatten(0, -2), learned_part(dout)
    dlora_b = product(low.flatten(0, -2).mT, dlearned.flatten(0, -2))
    dlow = product(dlearned, lora_b.mT)
    dlora_a = product(x.flatten(0, -2).mT, dlow.flatten(0, -2))
    dweight = unread(product(x.flatten(0, -2).mT, flat), weight)
    dbias = None if bias is None else over_positions(flat)
    dx = join(product(dout, read(weight).mT), product(dlow, lora_a.mT))
    tape(dout=dout, dlow=dlow, dlora_b=dlora_b, dlora_a=dlora_a)
    tape(dweight=dweight, dbias=dbias, dx=dx)
    return dx, present(weight=dweight, bias=dbias, lora_a=dlora_a, lora_b=dlora_b)


def _unembedding(
    *,
    x: Any,
    weight: Any,
    tape: Any,
    product: Step = matmul,
    bend: Step = _as_it_is,
    show: Step = _as_it_is,
) -> Any:
    out = bend(product(x, weight.mT))
    tape(out=show(out))
    return out, (x, weight)


def _unembedding_backward(
    *, dout: Any, cache: Any, tape: Any, product: Step = matmul, unbend: Step = _as_it_is
) -> Any:
    x, weight = cache
    dproduct = unbend(dout, x, weight)
    dx = product(dproduct, weight)
    dweight = product(dproduct.flatten(0, -2).mT, x.flatten(0, -2))
    tape(dout=dout, dweight=dweight, dx=dx)
    return dx, {"weight": dweight}


# -- the loss -------------------------------------------------------------------------------------


def _linear_cross_entropy(
    *, x: Any, targets: Any, weight: Any, tape: Any, show: Step = _as_it_is
) -> Any:
    logits, head_cache = unembedding(x, weight=weight, tape=tape.at("lm_head"))
    tape(logits=show(logits))
    loss, loss_cache = cross_entropy(logits, targets, tape=tape)
    return loss, (head_cache, loss_cache)


def _nats(log_probs: Any, index: Any) -> Any:
    return -log_probs.gather(-1, index).squeeze(-1)


def _at_target(probs: Any, index: Any, _counted: Any) -> Any:
    return probs.scatter_add(-1, index, -torch.ones_like(probs))


def _counted_alone(everywhere: Any, counted: Any) -> Any:
    return everywhere.where(counted.unsqueeze(-1), 0)


def _cross_entropy(
    *,
    logits: Any,
    targets: Any,
    tape: Any,
    nats: Step = _nats,
    average: Step = lambda losses, counted: losses.sum() / counted.sum(),
) -> Any:
    scores = wide(logits)
    shifted = scores - scores.amax(-1, keepdim=True)
    log_probs = shifted - shifted.exp().sum(-1, keepdim=True).log()
    probs = log_probs.exp()
    counted = targets != IGNORE
    index = targets.where(counted, 0).unsqueeze(-1)
    losses = nats(log_probs, index).where(counted, 0)
    loss = average(losses, counted)
    tape(probs=probs, losses=losses, loss=loss)
    return loss, (probs, targets, logits.dtype)


def _cross_entropy_backward(
    *,
    dloss: Any,
    cache: Any,
    tape: Any,
    less_one: Step = _at_target,
    shared: Step = lambda whole, counted: whole / counted.sum(),
    kept: Step = _counted_alone,
) -> Any:
    probs, targets, dtype = cache
    counted = targets != IGNORE
    index = targets.where(counted, 0).unsqueeze(-1)
    everywhere = shared(dloss * less_one(probs, index, counted), counted)
    dlogits = kept(everywhere, counted).to(dtype)
    tape(dlogits=dlogits)
    return dlogits, {}


LAYERS: Mapping[Step, Step] = {
    layer_norm: _layer_norm,
    layer_norm_backward: _layer_norm_backward,
    linear: _linear,
    linear_backward: _linear_backward,
    lora_linear: _lora_linear,
    lora_linear_backward: _lora_linear_backward,
    unembedding: _unembedding,
    unembedding_backward: _unembedding_backward,
    linear_cross_entropy: _linear_cross_entropy,
    cross_entropy: _cross_entropy,
    cross_entropy_backward: _cross_entropy_backward,
}
"""Those of single layers."""
