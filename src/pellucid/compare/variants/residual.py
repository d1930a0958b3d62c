"""Variants of the residual connection, in which the sum is a step."""

from collections.abc import Callable, Mapping
from operator import add
from typing import Any

from pellucid.layers import ResidualCache, residual, residual_backward

Step = Callable[..., Any]


def _joined(names: Any, x: Any, branch: Any, joins: tuple[Step, Step]) -> Any:
    """The sum, as the block's first part has it or its second."""
    return joins[names.ln != "ln_1"](x, branch)


def _residual(
    *,
    x: Any,
    part: Any,
    ln: Any,
    norm: str,
    names: Any,
    eps: float,
    normalize: Any,
    tape: Any,
    join_1: Step = add,
    join_2: Step = add,
) -> Any:
    if norm == "pre":
        normed, ln_cache = normalize.forward(x, **ln, eps=eps, tape=tape.at(names.ln))
        branch, part_cache = part(normed)
        out = _joined(names, x, branch, (join_1, join_2))
    else:
        branch, part_cache = part(x)
        total = _joined(names, x, branch, (join_1, join_2))
        tape(**{names.sum: total})
        out, ln_cache = normalize.forward(total, **ln, eps=eps, tape=tape.at(names.ln))
    tape(**{names.out: out})
    return out, ResidualCache(part_cache, ln_cache)


def _residual_backward(
    *,
    dout: Any,
    cache: Any,
    part: Any,
    norm: str,
    names: Any,
    normalize: Any,
    tape: Any,
    join_1: Step = add,
    join_2: Step = add,
) -> Any:
    if norm == "pre":
        dnormed, part_grads = part(dout, cache.part)
        dbranch, ln = normalize.backward(dnormed, cache.ln, tape=tape.at(names.ln))
        dx = _joined(names, dout, dbranch, (join_1, join_2))
    else:
        dtotal, ln = normalize.backward(dout, cache.ln, tape=tape.at(names.ln))
        tape(**{f"d{names.sum}": dtotal})
        dbranch, part_grads = part(dtotal, cache.part)
        dx = _joined(names, dtotal, dbranch, (join_1, join_2))
    tape(**{f"d{names.x}": dx})
    return dx, {"part": part_grads, "ln": ln}


RESIDUAL: Mapping[Step, Step] = {residual: _residual, residual_backward: _residual_backward}
"""Those of the residual connection."""
