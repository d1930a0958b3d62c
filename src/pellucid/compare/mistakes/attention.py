"""Mistakes in the heads: how they are cut, scaled, masked and normalized."""

from itertools import permutations

from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mutation import Change
from pellucid.layers import (
    attention,
    attention_backward,
    multi_head,
    multi_head_backward,
    scaled_dot_product,
    scaled_dot_product_backward,
)

_SPLIT = "q, k_new, v_new = (split_heads(part, n_head) for part in qkv.chunk(3, -1))"
_JOINED = "torch.cat([merge_heads(dq), merge_heads(dk), merge_heads(dv)], -1)"
_HIDDEN = "products.masked_fill(mask.logical_not(), -math.inf)"
_SOFTMAX = 'att, softmax_cache = softmax(scores, tape=tape.within("softmax"))'
_SOFTMAX_BACKWARD = "dscores, _ = softmax_backward(datt, softmax_cache, tape=inner)"
_INTERLEAVED = "transpose(-3, -2).transpose(-2, -1).flatten(-2)"


def _scale(name: str, text: str, divided: str) -> Mistake:
    return Mistake(
        name,
        text,
        (
            Change(scaled_dot_product, "q @ k.mT / math.sqrt(q.shape[-1])", f"q @ k.mT{divided}"),
            Change(
                scaled_dot_product_backward,
                "dscores / math.sqrt(q.shape[-1])",
                f"dscores{divided}",
            ),
        ),
    )


def _mask(name: str, text: str, may_look: str) -> Mistake:
    hidden = f"products.masked_fill(({may_look}).logical_not(), -math.inf)"
    return Mistake(name, text, (Change(scaled_dot_product, _HIDDEN, hidden),))


def _hidden(name: str, value: str) -> Mistake:
    wrong = f"products.masked_fill(mask.logical_not(), {value})"
    text = f"hidden scores are {value.replace('-', '−')}, not −∞"
    return Mistake(name, text, (Change(scaled_dot_product, _HIDDEN, wrong),))


def _softmax_over(axis: int, name: str, text: str) -> Mistake:
    turned = f"transpose({axis}, -1)"
    return Mistake(
        name,
        text,
        (
            Change(
                scaled_dot_product,
                _SOFTMAX,
                f"turned, softmax_cache = softmax(scores.{turned})\n    att = turned.{turned}",
            ),
            Change(
                scaled_dot_product_backward,
                _SOFTMAX_BACKWARD,
                f"turned, _ = softmax_backward(datt.{turned}, softmax_cache)\n"
                f"    dscores = turned.{turned}",
            ),
        ),
    )


def _order(letters: tuple[str, ...]) -> Mistake:
    names = {"q": "q", "k": "k_new", "v": "v_new"}
    taken = ", ".join(names[letter] for letter in letters)
    joined = ", ".join(f"merge_heads(d{letter})" for letter in letters)
    return Mistake(
        f"qkv_order_{''.join(letters)}",
        f"the thirds of c_attn's output are taken as {', '.join(letters)}, not q, k, v",
        (
            Change(attention, _SPLIT, _SPLIT.replace("q, k_new, v_new", taken)),
            Change(attention_backward, _JOINED, f"torch.cat([{joined}], -1)"),
        ),
    )


ATTENTION: tuple[Mistake, ...] = (
    _scale("no_scale", "scores are not divided by √d", ""),
    _scale("scale_by_d", "scores are divided by d, not √d", " / q.shape[-1]"),
    _scale(
        "scale_by_width",
        "scores are divided by √C, not √d",
        " / math.sqrt(q.shape[-3] * q.shape[-1])",
    ),
    _mask(
        "mask_off_by_one_ahead",
        "the mask is off by one: a position sees the one after it",
        "torch.ones_like(mask).tril(1)",
    ),
    _mask(
        "mask_off_by_one_behind",
        "the mask is off by one: a position after the first does not see itself",
        "torch.ones_like(mask).tril(-1)"
        " | (torch.arange(mask.shape[-2]).unsqueeze(-1) == 0).logical_and(mask)",
    ),
    _mask(
        "mask_strict",
        "the mask is off by one: a position does not see itself, and the first sees none",
        "torch.ones_like(mask).tril(-1)",
    ),
    _mask("no_mask", "there is no mask: every position sees all", "torch.ones_like(mask)"),
    Mistake(
        "scores_before_mask",
        "nothing but the dump: scores were taken before the mask, and attention is right",
        (Change(scaled_dot_product, "tape(scores=scores,", "tape(scores=products,"),),
    ),
    Mistake(
        "mask_after_softmax",
        "hidden positions are set to 0 after the softmax, not to −∞ before it",
        (
            Change(scaled_dot_product, f"products if mask is None else {_HIDDEN}", "products"),
            Change(
                scaled_dot_product,
                _SOFTMAX,
                "everywhere, softmax_cache = softmax(scores)\n"
                "    att = everywhere.masked_fill(mask.logical_not(), 0.0)",
            ),
            Change(
                scaled_dot_product_backward,
                _SOFTMAX_BACKWARD,
                "hidden = torch.ones(kept.shape[-2:]).tril() == 0\n"
                "    dscores, _ = softmax_backward(datt.masked_fill(hidden, 0.0), softmax_cache)",
            ),
        ),
    ),
    _hidden("mask_minus_1e4", "-1e4"),
    _hidden("mask_minus_1e9", "-1e9"),
    _softmax_over(-2, "softmax_over_queries", "the softmax runs over the queries, not the keys"),
    _softmax_over(-3, "softmax_over_heads", "the softmax runs over the heads, not the keys"),
    *(_order(letters) for letters in permutations("qkv") if letters != ("q", "k", "v")),
    Mistake(
        "heads_interleaved",
        "heads are interleaved: channel c is head c mod H's",
        (
            Change(
                attention,
                "split_heads(part, n_head)",
                "part.reshape(*part.shape[:-1], -1, n_head).transpose(-1, -2).transpose(-3, -2)",
            ),
            Change(
                attention_backward,
                _JOINED,
                f"torch.cat([dq.{_INTERLEAVED}, dk.{_INTERLEAVED}, dv.{_INTERLEAVED}], -1)",
            ),
            Change(multi_head, "merge_heads(z)", f"z.{_INTERLEAVED}"),
            Change(
                multi_head_backward,
                "split_heads(dmerged, cache.n_head)",
                "dmerged.reshape(*dmerged.shape[:-1], -1, cache.n_head)"
                ".transpose(-1, -2).transpose(-3, -2)",
            ),
        ),
    ),
    Mistake(
        "qkv_by_head",
        "c_attn's output is read head by head, each with its q, k and v side by side",
        (
            Change(
                attention,
                _SPLIT,
                "parts = qkv.reshape(*qkv.shape[:-1], n_head, 3, -1)\n"
                "    q, k_new, v_new = (parts[..., i, :].transpose(-3, -2) for i in range(3))",
            ),
            Change(
                attention_backward,
                _JOINED,
                "torch.stack([dq, dk, dv], -2).transpose(-4, -3).flatten(-3)",
            ),
        ),
    ),
    Mistake(
        "heads_split_wrongly",
        "heads are cut by a reshape alone, without the transpose",
        (
            Change(
                attention,
                "split_heads(part, n_head)",
                "part.reshape(*part.shape[:-2], n_head, part.shape[-2], -1)",
            ),
            Change(
                attention_backward,
                _JOINED,
                "torch.cat([d.reshape(*d.shape[:-3], d.shape[-2], -1) for d in (dq, dk, dv)], -1)",
            ),
        ),
    ),
    Mistake(
        "heads_merged_wrongly",
        "heads are joined by a reshape alone, without the transpose",
        (
            Change(multi_head, "merge_heads(z)", "z.reshape(*z.shape[:-3], z.shape[-2], -1)"),
            Change(
                multi_head_backward,
                "split_heads(dmerged, cache.n_head)",
                "dmerged.reshape(*dmerged.shape[:-2], cache.n_head, dmerged.shape[-2], -1)",
            ),
        ),
    ),
)
"""Those of attention."""
