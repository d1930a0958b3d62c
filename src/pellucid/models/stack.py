"""A stack: blocks one after another, and where there is one a last norm."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers import Ops, Pair
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present


class StackCache(NamedTuple):
    """What the backward needs, part by part."""

    h: tuple[Any, ...]
    ln_f: Any


def alike(number: int) -> Mapping[str, Any]:  # noqa: ARG001 (whichever block it is)
    """What a block is told for itself where all blocks are alike: nothing."""
    return {}


def stack(
    x: Tensor,
    *beside: Any,
    h: Tree,
    ln_f: Tree | None = None,
    block: Pair,
    normalize: Pair,
    eps: float,
    style: Mapping[str, Any],
    ops: Ops,
    past: Sequence[Any] | None = None,
    noise: Mapping[str, Any] | None = None,
    own: Callable[[int], Mapping[str, Any]] = alike,
    tape: NullTape = NULL_TAPE,
    **told: Any,
) -> tuple[Tensor, StackCache]:
    """Pass the blocks `h`, each of which reads what is `beside` the stream too, and the last norm.

    Their `style` is what the blocks' backward is told too; all are `told` the same beside it, and
    each by its number what is its `own`. `ops` is the table that they call through, `normalize`
    the pair of the last norm. `past` holds what each block kept of earlier positions, `noise` is
    dropout's for each block.

    Shapes: x and out (..., T, C).
    """
    out, h_cache = x, []
    for number, params in h.items():
        out, block_cache = block.forward(
            out,
            *beside,
            **params,
            **style,
            **told,
            **own(int(number)),
            eps=eps,
            ops=ops,
            past=past[int(number)] if past else None,
            **(noise or {}).get(number, {}),
            tape=tape.at(f"h.{number}"),
        )  # (..., T, C)
        h_cache.append(block_cache)

    ln_f_cache = None
    if ln_f is not None:
        out, ln_f_cache = normalize.forward(out, **ln_f, eps=eps, tape=tape.at("ln_f"))
    return out, StackCache(tuple(h_cache), ln_f_cache)


def stack_backward(
    dout: Tensor,
    cache: StackCache,
    *,
    block: Pair,
    normalize: Pair,
    style: Mapping[str, Any],
    ops: Ops,
    tape: NullTape = NULL_TAPE,
) -> tuple[Any, Tree]:
    """Undo the last norm, then the blocks from the last to the first.

    Where blocks read something beside the stream, each hands it a gradient, and they add up.
    """
    dx, ln_f = dout, None
    if cache.ln_f is not None:
        dx, ln_f = normalize.backward(dx, cache.ln_f, tape=tape.at("ln_f"))

    h: Tree = {str(number): {} for number in range(len(cache.h))}
    dbesides: list[Tensor] = []
    for number in reversed(h):
        dread, h[number] = block.backward(
            dx, cache.h[int(number)], **style, ops=ops, tape=tape.at(f"h.{number}")
        )
        dx, *dbeside = dread if isinstance(dread, tuple) else (dread,)
        dbesides += dbeside

    grads = {"h": h} | present(ln_f=ln_f)
    return ((dx, sum(dbesides[1:], start=dbesides[0])) if dbesides else dx), grads


def style_of(config: Any, ops: Ops) -> dict[str, Any]:
    """Where a block's norms stand, and how it bends, as `block` is told it."""
    return {"norm": config.norm, "activation": getattr(ops, config.activation)}
