"""Mistakes in the other layers of Llama's family: RMS norms, shared heads, gates."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from pellucid.compare.mistakes.layers import BY_ERF, BY_TANH, other_activation
from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change, Function, argument, step
from pellucid.layers import (
    Pair,
    embedding,
    embedding_backward,
    gated_feed_forward,
    gated_feed_forward_backward,
    grouped_attention,
    grouped_attention_backward,
    repeat_heads,
    repeat_heads_backward,
    rms_norm,
    rms_norm_backward,
    silu,
    silu_backward,
)
from pellucid.tree import map_leaves

_SILU = Pair(silu, silu_backward)
_ROOT = "(square + eps).rsqrt()"
_FACTOR = "1 / (1 + (-x).exp())"
_SQUARE = "square = x.square()"
_GATE, _UP = '**gate_proj, tape=tape.at("gate_proj")', '**up_proj, tape=tape.at("up_proj")'
_UP_LINE = 'up, up_cache = ops.linear.forward(x, **up_proj, tape=tape.at("up_proj"))'


def _epsilon(value: str, words: str) -> Mistake:
    lines = ((_ROOT, f"(square + {value}).rsqrt()"),)
    change = argument("eps", lambda _: float(value))
    return Mistake(f"rms_eps_{value}", f"RMS norm's ε is {words}", lines, {rms_norm: change})


def _centred(x: Any) -> Any:
    return x - x.mean(-1, keepdim=True)


def _heads(
    name: str,
    text: str,
    line: str,
    repeat: Callable[[Any, int], Any],
    add_up: Callable[[Any, int], Any],
) -> Mistake:
    """Heads of keys and values that are read by other heads of queries."""
    lines = (("several.flatten(-4, -3)", line),)
    changes: dict[Function, Change] = {
        repeat_heads: step(repeat=repeat),
        repeat_heads_backward: step(add_up=add_up),
    }
    return Mistake(name, text, lines, changes)


def _tiled_back(dout: Any, group: int) -> Any:
    *lead, heads, keys, size = dout.shape
    return dout.reshape(*lead, group, heads // group, keys, size).sum(-4)


def _first_back(dout: Any, group: int) -> Any:
    total = dout.sum(-3, keepdim=True)
    return torch.cat([total, *[torch.zeros_like(total)] * (dout.shape[-3] // group - 1)], -3)


def _clamped_back(dout: Any, group: int) -> Any:
    last = dout.shape[-3] // group - 1
    rest = dout[..., last:, :, :].sum(-3, keepdim=True)
    return torch.cat([dout[..., :last, :, :], rest], -3)


class _Unused(NamedTuple):
    """What a norm leaves for its backward where it is left out."""

    weight: Any


def _without_norms(right: Function) -> Function:
    def wrong(*, q_norm: Any, k_norm: Any, **given: Any) -> Any:
        out, cache = right(**given, q_norm=None, k_norm=None)
        if q_norm is None:
            return out, cache
        norms = zip(cache.turned, (q_norm, k_norm), strict=True)
        turned = tuple(one._replace(norm=_Unused(norm)) for one, norm in norms)
        return out, cache._replace(turned=turned)

    return wrong


def _without_norms_backward(right: Function) -> Function:
    def wrong(*, cache: Any, **given: Any) -> Any:
        unused, turned = {}, list(cache.turned)
        for place, name in enumerate(("q_norm", "k_norm")):
            if isinstance(turned[place].norm, _Unused):
                unused[name] = turned[place].norm.weight
                turned[place] = turned[place]._replace(norm=None)
        dx, grads = right(cache=cache._replace(turned=tuple(turned)), **given)
        return dx, grads | map_leaves(torch.zeros_like, unused)

    return wrong


def _swapped(right: Function) -> Function:
    def wrong(*, gate_proj: Any, up_proj: Any, **given: Any) -> Any:
        return right(**given, gate_proj=up_proj, up_proj=gate_proj)

    return wrong


def _swapped_backward(right: Function) -> Function:
    def wrong(**given: Any) -> Any:
        dx, grads = right(**given)
        return dx, grads | {"gate_proj": grads["up_proj"], "up_proj": grads["gate_proj"]}

    return wrong


GATED: tuple[Mistake, ...] = (
    Mistake(
        "rms_centred",
        "RMS norm subtracts the row's mean, as layer norm does",
        ((_SQUARE, f"x = x - x.mean(-1, keepdim=True)\n    {_SQUARE}"),),
        dict.fromkeys((rms_norm, rms_norm_backward), step(center=_centred)),
    ),
    _epsilon("1e-5", "1e-5"),
    _epsilon("1e-6", "1e-6"),
    _epsilon("1e-8", "1e-8"),
    _epsilon("0", "missing"),
    Mistake(
        "rms_eps_outside_root",
        "RMS norm's ε is added to the root, not under it",
        ((_ROOT, "1 / (square.sqrt() + eps)"),),
        {
            rms_norm: step(root=lambda square, eps: 1 / (square.sqrt() + eps)),
            rms_norm_backward: step(
                undo=lambda rstd, dxhat, xhat, along: (
                    rstd * (dxhat - xhat * along / xhat.square().mean(-1, keepdim=True).sqrt())
                )
            ),
        },
    ),
    Mistake(
        "rms_gain_plus_1",
        "RMS norm's gain is 1 and its weight, as in Gemma, not its weight",
        (("xhat * weight", "xhat * (1 + weight)"),),
        dict.fromkeys(
            (rms_norm, rms_norm_backward), step(gain=lambda xhat, weight: xhat * (1 + weight))
        ),
    ),
    Mistake(
        "no_qk_norm",
        "queries and keys are not normed",
        (
            ("q_heads, q_norm,", "q_heads, None,"),
            ("k_heads, k_norm,", "k_heads, None,"),
        ),
        {
            grouped_attention: _without_norms,
            grouped_attention_backward: _without_norms_backward,
        },
    ),
    _heads(
        "kv_heads_tiled",
        "the heads of keys and values are repeated one after another (tile), not each several "
        "times (repeat_interleave)",
        "torch.cat([x] * group, -3)",
        lambda x, group: torch.cat([x] * group, -3),
        _tiled_back,
    ),
    _heads(
        "kv_first_head",
        "the number of key-value heads is ignored: every head of queries reads the first of them",
        "torch.cat([x[..., :1, :, :]] * (x.shape[-3] * group), -3)",
        lambda x, group: torch.cat([x[..., :1, :, :]] * (x.shape[-3] * group), -3),
        _first_back,
    ),
    _heads(
        "kv_heads_clamped",
        "the number of key-value heads is ignored: head h of queries reads head h of them, and "
        "the last where there is none",
        "torch.cat([x, *[x[..., -1:, :, :]] * (x.shape[-3] * (group - 1))], -3)",
        lambda x, group: torch.cat([x, *[x[..., -1:, :, :]] * (x.shape[-3] * (group - 1))], -3),
        _clamped_back,
    ),
    Mistake(
        "gate_up_exchanged",
        "the activation bends up_proj's output, not gate_proj's",
        (
            ("activation.forward(gate,", "activation.forward(up,"),
            ("gate, gate_cache = ", f"{_UP_LINE}\n    gate, gate_cache = "),
            (f'tape.at("act"))  # (..., T, F)\n    {_UP_LINE}', 'tape.at("act"))'),
            ("opened * up", "opened * gate"),
        ),
        dict.fromkeys((gated_feed_forward, gated_feed_forward_backward), step(exchanged=True)),
    ),
    Mistake(
        "gate_up_swapped",
        "gate_proj's weight is taken for up_proj's, and up_proj's for gate_proj's",
        (
            (_GATE, _GATE.replace("**gate_proj", "**up_proj")),
            (_UP, _UP.replace("**up_proj", "**gate_proj")),
        ),
        {gated_feed_forward: _swapped, gated_feed_forward_backward: _swapped_backward},
    ),
    other_activation(
        "gelu_tanh_for_silu",
        "GELU by tanh, where it is SiLU",
        (_FACTOR, "0.5 * (1 + (SQRT_2_OVER_PI * (x + CUBIC * x * x.square())).tanh())"),
        right=_SILU,
        wrong=BY_TANH,
    ),
    other_activation(
        "gelu_erf_for_silu",
        "GELU by erf, where it is SiLU",
        (_FACTOR, "0.5 * (1 + (x / math.sqrt(2)).erf())"),
        right=_SILU,
        wrong=BY_ERF,
    ),
    Mistake(
        "embedding_scaled",
        "the embedding is multiplied by √C, as in Gemma",
        (("weight[tokens]", "weight[tokens] * math.sqrt(weight.shape[-1])"),),
        dict.fromkeys(
            (embedding, embedding_backward),
            step(scale=lambda rows, weight: rows * math.sqrt(weight.shape[-1])),
        ),
    ),
)
"""Those of Llama's family that are not rotary positions', and the embedding's."""
