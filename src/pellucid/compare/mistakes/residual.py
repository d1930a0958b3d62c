"""Mistakes in how a block's parts are joined to the residual stream."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from pellucid.compare.mistakes.mistake import Family, Mistake
from pellucid.compare.mistakes.precision import coarse
from pellucid.compare.mutation import Change, Function, shown, step
from pellucid.layers import (
    Pair,
    block,
    block_backward,
    embedding,
    gated_block,
    gated_block_backward,
    position,
    residual,
    residual_backward,
)
from pellucid.tape import NULL_TAPE
from pellucid.tree import map_leaves, present

PARTS = {"attn": ("ln_1", "attention"), "mlp": ("ln_2", "the feed-forward network")}
"""The parts of a block, by the norm before each, and in words."""


def _joined(part: str, join: Callable[[Any, Any], Any]) -> Change:
    """Another sum, at one part of a block."""
    return step(**{PARTS[part][0].replace("ln", "join"): join})


def _skipped(part: str) -> Mistake:
    return Mistake(
        f"no_{part}_residual",
        f"the residual connection around {PARTS[part][1]} is missing",
        (),
        dict.fromkeys((residual, residual_backward), _joined(part, lambda _, branch: 1 * branch)),
    )


def _detached(part: str) -> Mistake:
    return Mistake(
        f"{part}_grad_missing",
        f"what comes back through {PARTS[part][1]} is not added to the stream's gradient",
        (),
        {residual_backward: _joined(part, lambda dout, _: 1 * dout)},
    )


def _coarse_sum(x: Any, branch: Any) -> Any:
    return coarse(x + branch, 8)


_ADDED = step(join_1=_coarse_sum, join_2=_coarse_sum)


def _norms(ops: Any) -> dict[str, Pair]:
    return {"layer_norm": ops.layer_norm, "rms_norm": ops.rms_norm}


def _with_norms(
    ops: Any, forward: Callable[[Pair], Function], backward: Callable[[Pair], Function]
) -> Any:
    """The table with other norms, whichever kind the block has."""
    others = {name: Pair(forward(own), backward(own)) for name, own in _norms(ops).items()}
    return replace(ops, **others)


def _is(tape: Any, name: str) -> bool:
    return str(tape.path).rpartition(".")[2] == name


def _both_from(*, one_norm: bool) -> dict[Function, Change]:
    """Blocks whose parts both read what goes into the block, through a norm each or through one."""

    def forward(right: Function) -> Function:
        def wrong(*, resid_pre: Any, ops: Any, **given: Any) -> Any:
            if given.get("norm") == "post":
                return right(resid_pre=resid_pre, ops=ops, **given)
            first: list[Any] = []

            def normed(own: Pair) -> Function:
                def norm(x: Any, *, tape: Any, **rest: Any) -> Any:
                    if not _is(tape, "ln_2"):
                        made = own.forward(x, **rest, tape=tape)
                        if _is(tape, "ln_1"):
                            first.append(made[0])
                        return made
                    if one_norm:
                        return first[0], own.forward(x, **rest, tape=NULL_TAPE)[1]
                    return own.forward(resid_pre, **rest, tape=tape)

                return norm

            table = _with_norms(ops, normed, lambda own: own.backward)
            return right(resid_pre=resid_pre, ops=table, **given)

        return wrong

    def backward(right: Function) -> Function:
        def wrong(*, ops: Any, **given: Any) -> Any:
            if given.get("norm") == "post":
                return right(ops=ops, **given)
            kept: list[Any] = []

            def undone(own: Pair) -> Function:
                def norm(dout: Any, cache: Any, *, tape: Any) -> Any:
                    if _is(tape, "ln_2"):
                        return second(dout, cache, tape)
                    if one_norm and _is(tape, "ln_1"):
                        dout = dout + kept.pop()
                    dx, grads = own.backward(dout, cache, tape=tape)
                    if not one_norm and _is(tape, "ln_1"):
                        dx = dx + kept.pop()
                    return dx, grads

                def second(dout: Any, cache: Any, tape: Any) -> Any:
                    if not one_norm:
                        dx, grads = own.backward(dout, cache, tape=tape)
                        kept.append(dx)
                        return 0 * dx, grads
                    kept.append(dout)
                    _, _, *own_params = cache
                    unused = present(**dict(zip(("weight", "bias"), own_params, strict=False)))
                    grads = map_leaves(torch.zeros_like, unused)
                    tape(**{f"d{name}": grad for name, grad in grads.items()})
                    return 0 * dout, grads

                return norm

            table = _with_norms(ops, lambda own: own.forward, undone)
            return right(ops=table, **given)

        return wrong

    return {
        block: forward,
        gated_block: forward,
        block_backward: backward,
        gated_block_backward: backward,
    }


RESIDUAL: tuple[Mistake, ...] = (
    _skipped("attn"),
    _skipped("mlp"),
    _detached("attn"),
    _detached("mlp"),
    Mistake(
        "parallel_block",
        "the feed-forward network reads what goes into the block, beside attention, through its "
        "own norm",
        (),
        _both_from(one_norm=False),
    ),
    Mistake(
        "parallel_one_norm",
        "attention and the feed-forward network both read the first norm",
        (),
        _both_from(one_norm=True),
    ),
    Mistake(
        "bf16_stream",
        "the residual stream is kept in bfloat16, from the positions on",
        (),
        {
            position: shown(out=lambda out, _: coarse(out, 8)),
            residual: _ADDED,
            residual_backward: _ADDED,
        },
    ),
    Mistake(
        "bf16_stream_from_embedding",
        "the residual stream is kept in bfloat16, from the embedding on",
        (),
        {
            embedding: shown(out=lambda out, _: coarse(out, 8)),
            residual: _ADDED,
            residual_backward: _ADDED,
        },
    ),
)
"""Those of the residual stream."""


def _multiplied(part: str) -> Family:
    def changes(factor: float) -> dict[Function, Change]:
        forward = _joined(part, lambda x, branch: x + factor * branch)
        return {residual: forward, residual_backward: _scaled_back(part, factor)}

    return Family(
        f"{part}_multiplied",
        f"what {PARTS[part][1]} adds to the stream is multiplied by {{}}",
        (),
        changes,
        1e-4,
        1e4,
    )


def _scaled_back(part: str, factor: float) -> Change:
    """The gradient that goes into the part's backward is scaled, where it goes in."""
    own, _ = PARTS[part]

    def change(right: Function) -> Function:
        def wrong(*, part: Any, names: Any, **given: Any) -> Any:
            def scaled(dout: Any, cache: Any) -> Any:
                return part(factor * dout, cache)

            return right(part=scaled if names.ln == own else part, names=names, **given)

        return wrong

    return change


RESIDUAL_FAMILIES: tuple[Family, ...] = tuple(map(_multiplied, PARTS))
"""Those with a number in them."""
