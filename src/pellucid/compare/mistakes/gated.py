"""Mistakes in what Llama's family alone has, but for rotary positions: shared heads, gates."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change, Function, shown, step
from pellucid.layers import (
    gated_feed_forward,
    gated_feed_forward_backward,
    grouped_attention,
    grouped_attention_backward,
    repeat_heads,
    repeat_heads_backward,
)
from pellucid.tree import map_leaves

_GATE, _UP = '**gate_proj, tape=tape.at("gate_proj")', '**up_proj, tape=tape.at("up_proj")'
_UP_LINE = 'up, up_cache = ops.linear.forward(x, **up_proj, tape=tape.at("up_proj"))'


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


def _kept_of_group(name: str, text: str, line: str, one: Callable[[Any], Any]) -> Mistake:
    """Gradients of a group's heads of which not the sum is handed on."""

    def of_group(_: Any, seen: Any) -> Any:
        *lead, heads, keys, size = seen["dout"].shape
        group = seen["cache"]
        return one(seen["dout"].reshape(*lead, heads // group, group, keys, size))

    lines = (("several.sum(-3)", line),)
    return Mistake(name, text, lines, {repeat_heads_backward: shown(dx=of_group)})


def _kept_of_ways(function: Function, what: str, whole: str, way: str) -> Mistake:
    """A gradient that comes back by several ways, of which one is left."""
    return Mistake(
        f"{what}_grad_{way}",
        f"the gradient by what {function.__name__.removesuffix('_backward')} reads is assigned, "
        f"not added up: what comes back through {way} alone is left",
        ((f"dx = {whole}", f"dx = dx_{way} + 0"),),
        {function: shown(dx=lambda _, seen: seen[f"dx_{way}"] + 0)},
    )


GATED: tuple[Mistake, ...] = (
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
    _kept_of_group(
        "kv_grad_first",
        "the gradients of the heads that share keys and values are not summed: the first is left",
        "several[..., 0, :, :]",
        lambda several: several[..., 0, :, :],
    ),
    _kept_of_group(
        "kv_grad_last",
        "the gradients of the heads that share keys and values are not summed: the last is left",
        "several[..., -1, :, :]",
        lambda several: several[..., -1, :, :],
    ),
    _kept_of_group(
        "kv_grad_mean",
        "the gradients of the heads that share keys and values are averaged, not summed",
        "several.mean(-3)",
        lambda several: several.mean(-3),
    ),
    *(_kept_of_ways(grouped_attention_backward, "qkv", "dx_q + dx_k + dx_v", way) for way in "qkv"),
    *(
        _kept_of_ways(gated_feed_forward_backward, "mlp", "dx_gate + dx_up", way)
        for way in ("gate", "up")
    ),
)
"""Those of Llama's family that are not rotary positions'."""
