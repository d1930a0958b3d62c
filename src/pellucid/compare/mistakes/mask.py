"""Mistakes in the mask, and in the softmax after it."""

import math
from collections.abc import Callable
from typing import Any

import torch

from pellucid.compare.mistakes.mistake import Family, Mistake
from pellucid.compare.mutation import Change, Function, argument, step, with_steps
from pellucid.layers import (
    causal_mask,
    scaled_dot_product,
    scaled_dot_product_backward,
    softmax,
    softmax_backward,
)

_HIDDEN = "products.masked_fill(mask.logical_not(), -math.inf)"
_SOFTMAX = 'att, softmax_cache = softmax(scores, tape=tape.within("softmax"))'
_DSCORES = "dscores, _ = softmax_backward(datt, softmax_cache, tape=inner)"


def _mask(name: str, text: str, line: str, may_look: Callable[[Any], Any]) -> Mistake:
    lines = ((_HIDDEN, f"products.masked_fill(({line}).logical_not(), -math.inf)"),)
    change = argument("mask", lambda mask: None if mask is None else may_look(mask))
    return Mistake(name, text, lines, {scaled_dot_product: change})


def _softmax_over(axis: int, name: str, text: str) -> Mistake:
    turned = f"transpose({axis}, -1)"
    wrong = f"turned, softmax_cache = softmax(scores.{turned})\n    att = turned.{turned}"

    def normalize(scores: Any, *_: Any) -> Any:
        att = softmax(scores.transpose(axis, -1))[0].transpose(axis, -1)
        return att, (att,)

    def unnormalize(datt: Any, cache: Any, *_: Any) -> Any:
        turned = (cache[0].transpose(axis, -1),)
        return softmax_backward(datt.transpose(axis, -1), turned)[0].transpose(axis, -1)

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


def _filled(number: float) -> dict[Function, Change]:
    """A number in the place of hidden scores, which are not products any more: no gradient."""
    masks: dict[str, Any] = {}  # by the place of attention, once its forward has run

    def forward(right: Function) -> Function:
        def wrong(*, tape: Any, mask: Any = None, **given: Any) -> Any:
            masks[tape.path] = mask
            return with_steps(right, given, tape=tape, mask=mask, hide=hide)

        def hide(products: Any, mask: Any) -> Any:
            return products.masked_fill(mask.logical_not(), -number)

        return wrong

    def backward(right: Function) -> Function:
        def wrong(*, cache: Any, tape: Any, **given: Any) -> Any:
            queries, keys = cache[0].shape[-2], cache[1].shape[-2]
            mask = masks.get(tape.path, causal_mask(queries, keys, cache[0].device))

            def unnormalize(datt: Any, inner: Any, within: Any) -> Any:
                dscores, _ = softmax_backward(datt, inner, tape=within)
                return dscores if mask is None else dscores.masked_fill(mask.logical_not(), 0.0)

            return with_steps(right, given, cache=cache, tape=tape, unnormalize=unnormalize)

        return wrong

    return {scaled_dot_product: forward, scaled_dot_product_backward: backward}


def _lowered(number: float) -> dict[Function, Change]:
    return {
        scaled_dot_product: step(
            hide=lambda products, mask: products.where(mask, products - number)
        )
    }


def _all_seen(right: Function) -> Function:
    """A backward that makes the attention anew, from queries and keys, without the mask."""

    def wrong(*, cache: Any, **given: Any) -> Any:
        q, k, v, _, keep_cache, _ = cache
        att, softmax_cache = softmax(q @ k.mT / math.sqrt(q.shape[-1]))
        return right(cache=(q, k, v, att, keep_cache, softmax_cache), **given)

    return wrong


MASK: tuple[Mistake, ...] = (
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
    _mask(
        "mask_transposed",
        "the mask is transposed: a position sees itself and those after it",
        "mask.mT",
        lambda mask: mask.mT,
    ),
    Mistake(
        "softmax_backward_no_sum",
        "the softmax's backward lacks the sum of its gradients",
        ((_DSCORES, "dscores = softmax_cache[0] * datt"),),
        {scaled_dot_product_backward: step(unnormalize=lambda datt, cache, _: cache[0] * datt)},
    ),
    Mistake(
        "no_mask_in_backward",
        "the backward makes attention anew without the mask",
        (
            (
                "q, k, v, kept, keep_cache, softmax_cache = cache",
                """q, k, v, kept, keep_cache, softmax_cache = cache
    kept = (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)
    softmax_cache = (kept,)""",
            ),
        ),
        {scaled_dot_product_backward: _all_seen},
    ),
)
"""Those of the mask and the softmax."""

MASK_FAMILIES: tuple[Family, ...] = (
    Family(
        "mask_other",
        "hidden scores are −{}, not −∞",
        ((_HIDDEN, "products.masked_fill(mask.logical_not(), -{})"),),
        _filled,
        1e-3,
        1e8,
    ),
    Family(
        "mask_subtracted",
        "{} is subtracted from hidden scores: they are not −∞",
        ((_HIDDEN, "products.where(mask, products - {})"),),
        _lowered,
        1e-3,
        1e8,
    ),
)
"""Those with a number in them."""
