"""Variants of the layers of Llama's family, and of the embedding."""

from collections.abc import Callable, Mapping
from operator import mul
from typing import Any

import torch

from pellucid.layers import (
    GatedFeedForwardCache,
    embedding,
    embedding_backward,
    gated_feed_forward,
    gated_feed_forward_backward,
    repeat_heads,
    repeat_heads_backward,
    rms_norm,
    rms_norm_backward,
    rotary,
    rotary_backward,
)

Step = Callable[..., Any]


def _as_it_is(value: Any, *_: Any) -> Any:
    return value


def _row_mean(rows: Any) -> Any:
    return rows.mean(-1, keepdim=True)


# -- embedding ------------------------------------------------------------------------------------


def _embedding(*, tokens: Any, weight: Any, tape: Any, scale: Step = _as_it_is) -> Any:
    out = scale(weight[tokens], weight)
    tape(out=out)
    return out, (tokens, weight)


def _embedding_backward(*, dout: Any, cache: Any, tape: Any, scale: Step = _as_it_is) -> Any:
    tokens, weight = cache
    flat = scale(dout, weight).flatten(0, -2)
    dweight = torch.zeros_like(weight).index_add(0, tokens.flatten(), flat)
    tape(dout=dout, dweight=dweight)
    return None, {"weight": dweight}


# -- RMS norm -------------------------------------------------------------------------------------


def _rms_norm(
    *,
    x: Any,
    weight: Any,
    eps: float,
    tape: Any,
    center: Step = _as_it_is,
    average: Step = _row_mean,
    root: Step = lambda square, eps: (square + eps).rsqrt(),
    gain: Step = mul,
) -> Any:
    x = center(x)
    rstd = root(average(x.square()), eps)
    xhat = x * rstd
    out = gain(xhat, weight)
    tape(rstd=rstd, xhat=xhat, out=out)
    return out, (xhat, rstd, weight)


def _rms_norm_backward(
    *,
    dout: Any,
    cache: Any,
    tape: Any,
    center: Step = _as_it_is,
    average: Step = _row_mean,
    undo: Step = lambda rstd, dxhat, xhat, along: rstd * (dxhat - xhat * along),
    gain: Step = mul,
) -> Any:
    xhat, rstd, weight = cache
    dxhat = gain(dout, weight)
    along_xhat = average(dxhat * xhat)
    dx = center(undo(rstd, dxhat, xhat, along_xhat))
    dweight = (dout * xhat).flatten(0, -2).sum(0)
    tape(dout=dout, dweight=dweight, dxhat=dxhat, dx=dx)
    return dx, {"weight": dweight}


# -- rotary positions -----------------------------------------------------------------------------


def _halves(x: Any) -> Any:
    return x.chunk(2, -1)


def _side_by_side(first: Any, second: Any) -> Any:
    return torch.cat((first, second), -1)


def _alike(cos: Any, sin: Any) -> Any:
    return cos, sin, cos, sin


def _rotary(
    *,
    x: Any,
    cos: Any,
    sin: Any,
    tape: Any,
    parts: Step = _halves,
    whole: Step = _side_by_side,
    angles: Step = _alike,
) -> Any:
    first, second = parts(x)
    cos_1, sin_1, cos_2, sin_2 = angles(cos, sin)
    out = whole(first * cos_1 - second * sin_1, second * cos_2 + first * sin_2)
    tape(first=first, second=second, out=out)
    return out, (cos, sin)


def _rotary_backward(
    *,
    dout: Any,
    cache: Any,
    tape: Any,
    parts: Step = _halves,
    whole: Step = _side_by_side,
    angles: Step = _alike,
) -> Any:
    cos_1, sin_1, cos_2, sin_2 = angles(*cache)
    front, back = parts(dout)
    dfirst, dsecond = front * cos_1 + back * sin_2, back * cos_2 - front * sin_1
    dx = whole(dfirst, dsecond)
    tape(dout=dout, dfirst=dfirst, dsecond=dsecond, dx=dx)
    return dx, {}


# -- heads that are shared ------------------------------------------------------------------------


def _each_several_times(x: Any, group: int) -> Any:
    return torch.cat([x.unsqueeze(-3)] * group, -3).flatten(-4, -3)


def _repeat_heads(*, x: Any, group: int, tape: Any, repeat: Step = _each_several_times) -> Any:
    out = repeat(x, group)
    tape(out=out)
    return out, group


def _of_each_group(dout: Any, group: int) -> Any:
    *lead, heads, keys, size = dout.shape
    return dout.reshape(*lead, heads // group, group, keys, size).sum(-3)


def _repeat_heads_backward(
    *, dout: Any, cache: int, tape: Any, add_up: Step = _of_each_group
) -> Any:
    dx = add_up(dout, cache)
    tape(dout=dout, dx=dx)
    return dx, {}


# -- the gated feed-forward network ---------------------------------------------------------------


def _gated_feed_forward(
    *,
    x: Any,
    gate_proj: Any,
    up_proj: Any,
    c_proj: Any,
    activation: Any,
    ops: Any,
    tape: Any,
    noise: Any = None,
    exchanged: bool = False,
) -> Any:
    """With `exchanged` it is up's output that is bent, and gate's that is let through."""

    def mapped(name: str, params: Any) -> Any:
        return ops.linear.forward(x, **params, tape=tape.at(name))

    gate, gate_cache = mapped("gate_proj", gate_proj)
    if exchanged:
        up, up_cache = mapped("up_proj", up_proj)
    opened, act_cache = activation.forward(up if exchanged else gate, tape=tape.at("act"))
    if not exchanged:
        up, up_cache = mapped("up_proj", up_proj)
    other = gate if exchanged else up
    gated = opened * other
    tape(opened=opened, up=up, gated=gated)
    projected, c_proj_cache = ops.linear.forward(gated, **c_proj, tape=tape.at("c_proj"))
    out, dropout_cache = ops.dropout.forward(projected, noise=noise, tape=tape.at("dropout"))
    return out, GatedFeedForwardCache(
        gate_cache, act_cache, up_cache, opened, other, c_proj_cache, dropout_cache
    )


def _gated_feed_forward_backward(
    *, dout: Any, cache: Any, activation: Any, ops: Any, tape: Any, exchanged: bool = False
) -> Any:
    dprojected, _ = ops.dropout.backward(dout, cache.dropout, tape=tape.at("dropout"))
    dgated, c_proj = ops.linear.backward(dprojected, cache.c_proj, tape=tape.at("c_proj"))
    dopened, dother = dgated * cache.up, dgated * cache.opened
    tape(dgated=dgated, dopened=dopened, dup=None if exchanged else dother)
    dbent, _ = activation.backward(dopened, cache.act, tape=tape.at("act"))
    dgate, dup = (dother, dbent) if exchanged else (dbent, dother)
    if exchanged:
        tape(dup=dup)
    dx_gate, gate_proj = ops.linear.backward(dgate, cache.gate_proj, tape=tape.at("gate_proj"))
    dx_up, up_proj = ops.linear.backward(dup, cache.up_proj, tape=tape.at("up_proj"))
    dx = dx_gate + dx_up
    tape.note(dx_gate=dx_gate, dx_up=dx_up)
    tape(dx=dx)
    return dx, {"gate_proj": gate_proj, "up_proj": up_proj, "c_proj": c_proj}


GATED: Mapping[Step, Step] = {
    embedding: _embedding,
    embedding_backward: _embedding_backward,
    rms_norm: _rms_norm,
    rms_norm_backward: _rms_norm_backward,
    rotary: _rotary,
    rotary_backward: _rotary_backward,
    repeat_heads: _repeat_heads,
    repeat_heads_backward: _repeat_heads_backward,
    gated_feed_forward: _gated_feed_forward,
    gated_feed_forward_backward: _gated_feed_forward_backward,
}
"""Those of Llama's family."""
