"""Mistakes in the heads: how they are cut, turned and scaled, and gradients that stop there."""

import math
import re
from collections.abc import Callable
from itertools import permutations
from typing import Any

import torch

from pellucid.compare.mistakes.mistake import Family, Mistake
from pellucid.compare.mutation import Change, Function, shown, step, with_steps
from pellucid.layers import (
    attention,
    attention_backward,
    multi_head,
    multi_head_backward,
    rotary,
    rotary_angles,
    rotary_backward,
    scaled_dot_product,
    scaled_dot_product_backward,
)
from pellucid.numbers import Rounded

_SPLIT = "q, k_new, v_new = (split_heads(part, n_head) for part in qkv.chunk(3, -1))"


def _scale(name: str, text: str, divided: str, scale: Callable[[Any, Any], Any]) -> Mistake:
    lines = (("q @ k.mT / math.sqrt(q.shape[-1])", f"q @ k.mT{divided}"),)
    both: tuple[Function, ...] = (scaled_dot_product, scaled_dot_product_backward)
    return Mistake(name, text, lines, dict.fromkeys(both, step(scale=scale)))


def _of_layer(scale: Callable[[Any, int], Any]) -> dict[Function, Change]:
    """Scores that are scaled by which layer it is, counted from 1, too."""

    def change(right: Function) -> Function:
        def wrong(*, tape: Any, **given: Any) -> Any:
            number = re.search(r"(?:^|\.)(\d+)\.", tape.path)
            layer = int(number[1]) + 1 if number else 1

            def scaled(products: Any, q: Any) -> Any:
                return scale(products / math.sqrt(q.shape[-1]), layer)

            return with_steps(right, given, tape=tape, scale=scaled)

        return wrong

    return dict.fromkeys((scaled_dot_product, scaled_dot_product_backward), change)


def _capped(cap: float) -> dict[Function, Change]:
    """Scores that are bent, cap · tanh(scores / cap), before the mask."""

    def products(q: Any, k: Any) -> Any:
        return q @ k.mT / math.sqrt(q.shape[-1])

    def backward(right: Function) -> Function:
        def wrong(*, cache: Any, **given: Any) -> Any:
            tanh = (products(*cache[:2]) / cap).tanh()

            def scaled(dscores: Any, q: Any) -> Any:
                return dscores * (1 - tanh.square()) / math.sqrt(q.shape[-1])

            return with_steps(right, given, cache=cache, scale=scaled)

        return wrong

    def scaled(products: Any, q: Any) -> Any:
        return cap * (products / math.sqrt(q.shape[-1]) / cap).tanh()

    return {scaled_dot_product: step(scale=scaled), scaled_dot_product_backward: backward}


def _detached(letter: str, words: str) -> Mistake:
    ours = {"q": "dproducts @ k", "k": "dproducts.mT @ q", "v": "kept.mT @ dz"}[letter]
    change = shown(**{f"d{letter}": lambda right, _: torch.zeros_like(right)})
    return Mistake(
        f"detached_{letter}",
        f"no gradient comes back through the {words}: they were detached",
        ((f"d{letter} = {ours}", f"d{letter} = 0 * {letter}"),),
        {scaled_dot_product_backward: change},
    )


def _turning(x: Any) -> Any:
    """Cosines and sines of rotary positions by their usual base."""
    length, size = x.shape[-2:]
    frequencies = 10_000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    kept = frequencies
    if isinstance(x, Rounded):
        kept = Rounded(frequencies, x.unit * ROUNDED * frequencies, x.dtype)
    return rotary_angles(kept, length=length, dtype=x.dtype)


ROUNDED = 8
"""So many units of round-off a program may have its frequencies off."""


def _with_rope() -> dict[Function, Change]:
    """Queries and keys that are turned by their positions."""

    def cut(qkv: Any, one: Any, n_head: int) -> Any:
        q, k, v = (one(part, n_head) for part in qkv.chunk(3, -1))
        cos, sin = _turning(q)
        return [*(rotary(part, cos=cos, sin=sin)[0] for part in (q, k)), v]

    def joined(dq: Any, dk: Any, dv: Any, merge: Any) -> Any:
        back = (rotary_backward(part, _turning(part))[0] for part in (dq, dk))
        return torch.cat([*map(merge, back), merge(dv)], -1)

    return {attention: step(thirds=cut), attention_backward: step(thirds=joined)}


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
    Mistake(
        "scale_by_layer",
        "scores are divided by the number of the layer too, counted from 1",
        (
            (
                "q @ k.mT / math.sqrt(q.shape[-1])",
                "q @ k.mT / math.sqrt(q.shape[-1]) / (int(tape.path.split('.')[1]) + 1)",
            ),
        ),
        _of_layer(lambda products, layer: products / layer),
    ),
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
    Mistake(
        "rope_added",
        "queries and keys are turned by rotary positions, which this model has none of",
        (),
        _with_rope(),
    ),
    _detached("q", "queries"),
    _detached("k", "keys"),
    _detached("v", "values"),
)
"""Those of attention."""

ATTENTION_FAMILIES: tuple[Family, ...] = (
    Family(
        "scale_other",
        "scores are multiplied by {}, not divided by √d",
        (("q @ k.mT / math.sqrt(q.shape[-1])", "q @ k.mT * {}"),),
        lambda factor: dict.fromkeys(
            (scaled_dot_product, scaled_dot_product_backward),
            step(scale=lambda products, _: products * factor),
        ),
        1e-5,
        1e4,
    ),
    Family(
        "score_cap_other",
        "scores are capped, x to {} tanh(x / {})",
        (
            (
                "q @ k.mT / math.sqrt(q.shape[-1])",
                "{} * (q @ k.mT / math.sqrt(q.shape[-1]) / {}).tanh()",
            ),
        ),
        _capped,
        1e-2,
        1e5,
    ),
)
"""Those with a number in them."""
