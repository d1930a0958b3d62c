"""Mistakes in the heads: how they are cut, scaled, masked and normalized."""

import math
from collections.abc import Callable
from itertools import permutations
from typing import Any

import torch

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change, Function, argument, step
from pellucid.layers import (
    attention,
    attention_backward,
    multi_head,
    multi_head_backward,
    scaled_dot_product,
    scaled_dot_product_backward,
    softmax,
    softmax_backward,
)

_SPLIT = "q, k_new, v_new = (split_heads(part, n_head) for part in qkv.chunk(3, -1))"
_HIDDEN = "products.masked_fill(mask.logical_not(), -math.inf)"
_SOFTMAX = 'att, softmax_cache = softmax(scores, tape=tape.within("softmax"))'


def _scale(name: str, text: str, divided: str, scale: Callable[[Any, Any], Any]) -> Mistake:
    lines = (("q @ k.mT / math.sqrt(q.shape[-1])", f"q @ k.mT{divided}"),)
    both: tuple[Function, ...] = (scaled_dot_product, scaled_dot_product_backward)
    return Mistake(name, text, lines, dict.fromkeys(both, step(scale=scale)))


def _mask(name: str, text: str, line: str, may_look: Callable[[Any], Any]) -> Mistake:
    lines = ((_HIDDEN, f"products.masked_fill(({line}).logical_not(), -math.inf)"),)
    change = argument("mask", lambda mask: None if mask is None else may_look(mask))
    return Mistake(name, text, lines, {scaled_dot_product: change})


def _softmax_over(axis: int, name: str, text: str) -> Mistake:
    turned = f"transpose({axis}, -1)"
    wrong = f"turned, softmax_cache = softmax(scores.{turned})\n    att = turned.{turned}"

    def normalize(scores: Any, *_: Any) -> Any:
        att, cache = softmax(scores.transpose(axis, -1))
        return att.transpose(axis, -1), cache

    def unnormalize(datt: Any, cache: Any, *_: Any) -> Any:
        return softmax_backward(datt.transpose(axis, -1), cache)[0].transpose(axis, -1)

    changes: dict[Function, Change] = {
        scaled_dot_product: step(normalize=normalize),
        scaled_dot_product_backward: step(unnormalize=unnormalize),
    }
    return Mistake(name, text, ((_SOFTMAX, wrong),), changes)


def _normalize_then_hide(scores: Any, mask: Any, *_: Any) -> Any:
    att, cache = softmax(scores)
    kept = att if mask is None else att.masked_fill(mask.logical_not(), 0.0)
    return kept, (cache, mask)


def _unnormalize_then_hide(datt: Any, cache: Any, *_: Any) -> Any:
    inner, mask = cache
    kept = datt if mask is None else datt.masked_fill(mask.logical_not(), 0.0)
    return softmax_backward(kept, inner)[0]


def _order(letters: tuple[str, ...]) -> Mistake:
    names = {"q": "q", "k": "k_new", "v": "v_new"}
    taken = ", ".join(names[letter] for letter in letters)

    def thirds(qkv: Any, cut: Any, n_head: int) -> Any:
        found = dict(zip(letters, qkv.chunk(3, -1), strict=True))
        return [cut(found[letter], n_head) for letter in "qkv"]

    def joined(dq: Any, dk: Any, dv: Any, merge: Any) -> Any:
        made = {"q": dq, "k": dk, "v": dv}
        return torch.cat([merge(made[letter]) for letter in letters], -1)

    return Mistake(
        f"qkv_order_{''.join(letters)}",
        f"the thirds of c_attn's output are taken as {', '.join(letters)}, not q, k, v",
        ((_SPLIT, _SPLIT.replace("q, k_new, v_new", taken)),),
        {attention: step(thirds=thirds), attention_backward: step(thirds=joined)},
    )


def _heads(
    name: str,
    text: str,
    line: tuple[str, str],
    cut: Callable[[Any, int], Any],
    merge: Callable[[Any], Any],
    *,
    cutting: bool = True,
    merging: bool = True,
) -> Mistake:
    """Heads that are cut, merged again, or both in another way than by their runs of channels."""
    changes: dict[Function, Change] = {}
    if cutting:
        changes |= {attention: step(cut=cut), attention_backward: step(merge=merge)}
    if merging:
        changes |= {multi_head: step(merge=merge), multi_head_backward: step(cut=cut)}
    return Mistake(name, text, (line,), changes)


def _by_head(qkv: Any, _: Any, n_head: int) -> Any:
    parts = qkv.reshape(*qkv.shape[:-1], n_head, 3, -1)
    return [parts[..., i, :].transpose(-3, -2) for i in range(3)]


def _joined_by_head(dq: Any, dk: Any, dv: Any, _: Any) -> Any:
    return torch.stack([dq, dk, dv], -2).transpose(-4, -3).flatten(-3)


ATTENTION: tuple[Mistake, ...] = (
    _scale("no_scale", "scores are not divided by √d", "", lambda products, _: products),
    _scale(
        "scale_by_d",
        "scores are divided by d, not √d",
        " / q.shape[-1]",
        lambda products, q: products / q.shape[-1],
    ),
    _scale(
        "scale_by_width",
        "scores are divided by √C, not √d",
        " / math.sqrt(q.shape[-3] * q.shape[-1])",
        lambda products, q: products / math.sqrt(q.shape[-3] * q.shape[-1]),
    ),
    _mask(
        "mask_off_by_one_ahead",
        "the mask is off by one: a position sees the one after it",
        "torch.ones_like(mask).tril(1)",
        lambda mask: torch.ones_like(mask).tril(1),
    ),
    _mask(
        "mask_off_by_one_behind",
        "the mask is off by one: a position after the first does not see itself",
        "torch.ones_like(mask).tril(-1)"
        " | (torch.arange(mask.shape[-2]).unsqueeze(-1) == 0).logical_and(mask)",
        lambda mask: (
            torch.ones_like(mask).tril(-1)
            | (torch.arange(mask.shape[-2]).unsqueeze(-1) == 0).logical_and(mask)
        ),
    ),
    _mask(
        "mask_strict",
        "the mask is off by one: a position does not see itself, and the first sees none",
        "torch.ones_like(mask).tril(-1)",
        lambda mask: torch.ones_like(mask).tril(-1),
    ),
    _mask(
        "no_mask",
        "there is no mask: every position sees all",
        "torch.ones_like(mask)",
        torch.ones_like,
    ),
    Mistake(
        "scores_before_mask",
        "nothing but the dump: scores were taken before the mask, and attention is right",
        (("tape(scores=scores,", "tape(scores=products,"),),
        {scaled_dot_product: step(show=lambda _, products: products)},
    ),
    Mistake(
        "mask_after_softmax",
        "hidden positions are set to 0 after the softmax, not to −∞ before it",
        (
            (f"products if mask is None else {_HIDDEN}", "products"),
            (
                _SOFTMAX,
                """everywhere, softmax_cache = softmax(scores)
    att = everywhere.masked_fill(mask.logical_not(), 0.0)""",
            ),
        ),
        {
            scaled_dot_product: step(
                hide=lambda products, _: products, normalize=_normalize_then_hide
            ),
            scaled_dot_product_backward: step(unnormalize=_unnormalize_then_hide),
        },
    ),
    Mistake(
        "mask_minus_1e4",
        "hidden scores are −1e4, not −∞",
        ((_HIDDEN, "products.masked_fill(mask.logical_not(), -1e4)"),),
        {
            scaled_dot_product: step(
                hide=lambda products, mask: products.masked_fill(mask.logical_not(), -1e4)
            )
        },
    ),
    _softmax_over(-2, "softmax_over_queries", "the softmax runs over the queries, not the keys"),
    _softmax_over(-3, "softmax_over_heads", "the softmax runs over the heads, not the keys"),
    *(_order(letters) for letters in permutations("qkv") if letters != ("q", "k", "v")),
    _heads(
        "heads_interleaved",
        "heads are interleaved: channel c is head c mod H's",
        (
            "split_heads(part, n_head)",
            "part.reshape(*part.shape[:-1], -1, n_head).transpose(-1, -2).transpose(-3, -2)",
        ),
        lambda x, n_head: x.reshape(*x.shape[:-1], -1, n_head).transpose(-1, -2).transpose(-3, -2),
        lambda x: x.transpose(-3, -2).transpose(-2, -1).flatten(-2),
    ),
    Mistake(
        "qkv_by_head",
        "c_attn's output is read head by head, each with its q, k and v side by side",
        (
            (
                _SPLIT,
                """parts = qkv.reshape(*qkv.shape[:-1], n_head, 3, -1)
    q, k_new, v_new = (parts[..., i, :].transpose(-3, -2) for i in range(3))""",
            ),
        ),
        {attention: step(thirds=_by_head), attention_backward: step(thirds=_joined_by_head)},
    ),
    _heads(
        "heads_split_wrongly",
        "heads are cut by a reshape alone, without the transpose",
        (
            "split_heads(part, n_head)",
            "part.reshape(*part.shape[:-2], n_head, part.shape[-2], -1)",
        ),
        lambda x, n_head: x.reshape(*x.shape[:-2], n_head, x.shape[-2], -1),
        lambda x: x.reshape(*x.shape[:-3], x.shape[-2], -1),
        merging=False,
    ),
    _heads(
        "heads_merged_wrongly",
        "heads are joined by a reshape alone, without the transpose",
        ("merge_heads(z)", "z.reshape(*z.shape[:-3], z.shape[-2], -1)"),
        lambda x, n_head: x.reshape(*x.shape[:-2], n_head, x.shape[-2], -1),
        lambda x: x.reshape(*x.shape[:-3], x.shape[-2], -1),
        cutting=False,
    ),
)
"""Those of attention."""
