"""Mistakes in the embedding and in positions."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pellucid.compare.mistakes.mistake import Family, Mistake
from pellucid.compare.mutation import Change, Function, shown, step
from pellucid.layers import embedding, embedding_backward, position, position_backward

Places = Callable[[int], Tensor]
"""The positions that a text of that many tokens is thought to stand at."""

_ROWS = "weight[start : start + x.shape[-2]]"

FROM: dict[str, tuple[str, Callable[[Tensor, int], Tensor]]] = {
    "restart": ("are counted from 0 again", lambda t, begin: t - begin),
    "stay_0": ("are all 0", lambda t, _: 0 * t),
    "ahead": ("are one too many", lambda t, _: t + 1),
    "behind": ("are one too few", lambda t, _: t - 1),
    "doubled": ("count what was before them twice", lambda t, begin: t + begin),
}
"""What positions may be from one on: those of tokens that were decoded after a prompt."""


def positions_of(changes: Callable[[Places], dict[Function, Change]]) -> tuple[Family, ...]:
    """Positions that are wrong from one on, where decoding with a cache begins."""

    def family(name: str, words: str, other: Callable[[Tensor, int], Tensor]) -> Family:
        def made(number: float) -> dict[Function, Change]:
            begin = int(number)

            def places(length: int) -> Tensor:
                t = torch.arange(length)
                return torch.where(t < begin, t, other(t, begin))

            return changes(places)

        return Family(f"{name}_from", f"positions from {{}} on {words}", (), made)

    return tuple(family(f"positions_{n}", words, other) for n, (words, other) in FROM.items())


def _scaled(factor: Callable[[Any], float]) -> dict[Function, Change]:
    change = step(scale=lambda rows, weight: rows * factor(weight))
    return dict.fromkeys((embedding, embedding_backward), change)


def _last_of_each(_: Any, seen: Any) -> Any:
    """What is left where each token's row is assigned: the gradient of its last place."""
    tokens, weight = seen["cache"]
    ids = tokens.flatten()
    later = torch.ones(len(ids), len(ids), dtype=torch.bool).triu(1)
    is_last = ~((ids.unsqueeze(-1) == ids) & later).any(-1)
    kept = seen["dout"].flatten(0, -2) * is_last.unsqueeze(-1)
    return torch.zeros_like(weight).index_add(0, ids, kept)


def _placed(places: Places) -> dict[Function, Change]:
    """Rows of other positions."""

    def forward(_: Function) -> Function:
        def wrong(*, x: Any, weight: Any, tape: Any, start: int = 0) -> Any:
            rows = weight[places(x.shape[-2]) + start]
            out = x + rows
            tape(rows=rows, out=out)
            return out, (x, weight, start)

        return wrong

    def backward(_: Function) -> Function:
        def wrong(*, dout: Any, cache: Any, tape: Any) -> Any:
            _, weight, start = cache
            dx = dout
            drows = dout.reshape(-1, *dout.shape[-2:]).sum(0)
            index = places(dout.shape[-2]) + start
            dweight = torch.zeros_like(weight).index_add(0, index, drows)
            tape(dout=dout, drows=drows, dweight=dweight, dx=dx)
            return dx, {"weight": dweight}

        return wrong

    return {position: forward, position_backward: backward}


EMBEDDING: tuple[Mistake, ...] = (
    Mistake(
        "embedding_scaled",
        "the embedding is multiplied by √C, as in Gemma",
        (("weight[tokens]", "weight[tokens] * math.sqrt(weight.shape[-1])"),),
        _scaled(lambda weight: math.sqrt(weight.shape[-1])),
    ),
    Mistake(
        "embedding_grad_assigned",
        "the embedding's gradient is assigned, not added up: of a token that comes again its last "
        "place is left",
        (),
        {embedding_backward: shown(dweight=_last_of_each)},
    ),
    Mistake(
        "no_position",
        "no positions are added",
        ((f"out = x + {'rows'}", "out = 1 * x"),),
        {
            position: shown(out=lambda _, seen: 1 * seen["x"]),
            position_backward: shown(dweight=lambda dweight, _: torch.zeros_like(dweight)),
        },
    ),
    Mistake(
        "no_position_grad",
        "the gradient of the positions' table is missing",
        (("dweight = torch.cat([before, drows, after])", "dweight = 0 * weight"),),
        {position_backward: shown(dweight=lambda dweight, _: torch.zeros_like(dweight))},
    ),
)
"""Those of the embedding and of positions."""

EMBEDDING_FAMILIES: tuple[Family, ...] = (
    Family(
        "embedding_scaled_other",
        "the embedding is multiplied by {}",
        (("weight[tokens]", "weight[tokens] * {}"),),
        lambda factor: _scaled(lambda _: factor),
        1e-4,
        1e4,
    ),
    *positions_of(_placed),
)
"""Those with a number in them."""
