"""A stack: blocks one after another, and where there is one a last norm."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.layers.ops import Ops, Pair
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree, present


class StackCache(NamedTuple):
    """What the backward needs, part by part."""

    h: Sequence[Any]
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
    streams, h_cache = deque([x], maxlen=1), []
    for number, params in h.items():
        resid_post, block_cache = block.forward(
            streams[-1],
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
        streams.append(resid_post)
        h_cache.append(block_cache)
    if ln_f is None:
        return streams[-1], StackCache(tuple(h_cache), None)
    out, ln_f_cache = normalize.forward(streams[-1], **ln_f, eps=eps, tape=tape.at("ln_f"))
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
    if cache.ln_f is None:
        dstream, ln_f = dout, None
    else:
        dstream, ln_f = normalize.backward(dout, cache.ln_f, tape=tape.at("ln_f"))

    dstreams, dbesides, blocks = deque([dstream], maxlen=1), [], {}
    for number, block_cache in reversed(list(enumerate(cache.h))):
        dread, dparams = block.backward(
            dstreams[-1], block_cache, **style, ops=ops, tape=tape.at(f"h.{number}")
        )
        dresid_pre, *dbeside = dread if isinstance(dread, tuple) else (dread,)
        dstreams.append(dresid_pre)
        dbesides.extend(dbeside)
        blocks.update({str(number): dparams})

    h = {str(number): blocks[str(number)] for number in range(len(cache.h))}
    grads = {"h": h} | present(ln_f=ln_f)
    if not dbesides:
        return dstreams[-1], grads
    return (dstreams[-1], sum(dbesides[1:], start=dbesides[0])), grads
