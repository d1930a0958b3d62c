"""A stack: blocks one after another, and where there is one a last norm."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers import Ops, Pair
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present


class StackCache(NamedTuple):
    """What the backward needs, part by part."""

    h: tuple[Any, ...]
    ln_f: Any


def stack(
    x: Tensor,
    *beside: Any,
    h: Tree,
    ln_f: Tree | None = None,
    block: Pair,
    config: Any,
    ops: Ops,
    inner: Ops | None = None,
    past: Sequence[Any] | None = None,
    noise: Mapping[str, Any] | None = None,
    tape: NullTape = NULL_TAPE,
    **masks: Any,
) -> tuple[Tensor, StackCache]:
    """Pass the blocks `h`, each of which reads what is `beside` the stream too, and the last norm.

    `inner` is the table that the blocks call through, where it is another than `ops`. `past` holds
    what each block kept of earlier positions, `noise` is dropout's for each block.

    Shapes: x and out (..., T, C).
    """
    out, h_cache = x, []
    for number, params in h.items():
        out, block_cache = block.forward(
            out,
            *beside,
            **params,
            **masks,
            n_head=config.n_head,
            norm=config.norm,
            activation=getattr(ops, config.activation),
            eps=config.eps,
            ops=inner or ops,
            past=past[int(number)] if past else None,
            **(noise or {}).get(number, {}),
            tape=tape.at(f"h.{number}"),
        )  # (..., T, C)
        h_cache.append(block_cache)

    ln_f_cache = None
    if ln_f is not None:
        out, ln_f_cache = ops.layer_norm.forward(out, **ln_f, eps=config.eps, tape=tape.at("ln_f"))
    return out, StackCache(tuple(h_cache), ln_f_cache)


def stack_backward(
    dout: Tensor,
    cache: StackCache,
    *,
    block: Pair,
    config: Any,
    ops: Ops,
    inner: Ops | None = None,
    tape: NullTape = NULL_TAPE,
) -> tuple[Any, Tree]:
    """Undo the last norm, then the blocks from the last to the first.

    Where blocks read something beside the stream, each hands it a gradient, and they add up.
    """
    dx, ln_f = dout, None
    if cache.ln_f is not None:
        dx, ln_f = ops.layer_norm.backward(dx, cache.ln_f, tape=tape.at("ln_f"))

    told: Any = {"norm": config.norm, "activation": getattr(ops, config.activation)}
    h: Tree = {str(number): {} for number in range(len(cache.h))}
    dbesides: list[Tensor] = []
    for number in reversed(h):
        dread, h[number] = block.backward(
            dx, cache.h[int(number)], **told, ops=inner or ops, tape=tape.at(f"h.{number}")
        )
        dx, *dbeside = dread if isinstance(dread, tuple) else (dread,)
        dbesides += dbeside

    grads = {"h": h} | present(ln_f=ln_f)
    return ((dx, sum(dbesides[1:], start=dbesides[0])) if dbesides else dx), grads
