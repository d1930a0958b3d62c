"""Relaid: a parameter with the right numbers in other places, as another program keeps it."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from pellucid.models import VOCABULARIES, CausalModel
from pellucid.models.vocabularies.row import VocabularySizes, as_it_is, turned
from pellucid.tree import flatten


def relaid(name: str, mine: Tensor, model: CausalModel) -> str:
    """Where the numbers of a parameter are those of the model's, in words; "" where they are not.

    They may be another parameter's, or laid out as a program has them whose names are known.
    """
    params = flatten(model.params)
    for other, values in params.items():
        if other != name and _same(mine, values):
            return f"it is the pack's {other}"
    if name not in params:
        return ""
    for theirs, program, own in _read(name, mine, model):
        if _same(own, params[name]):
            return f"it is laid out as {theirs} of {program}: the numbers are right"
    return ""


def _read(name: str, mine: Tensor, model: CausalModel) -> Iterator[tuple[str, str, Tensor]]:
    """What each program's layout makes of it, as it is and with rows and columns exchanged."""
    rows: Mapping[str, Any] = VOCABULARIES.get(model.architecture, {})
    for program, own in rows.items():
        for row in own:
            for layer in row.layers(model.config.n_layer):
                plain = row.layout in (as_it_is, turned)  # a transposition is said as such
                if row.our_name(layer) != name or plain or row.stacked:
                    continue
                sizes, (theirs, *more) = (
                    VocabularySizes(model.config, layer),
                    row.names(layer, model.config.n_layer),
                )
                for kept in (mine, mine.mT) if mine.dim() == 2 and not more else ():
                    try:
                        yield theirs, program, row.layout(kept, sizes)
                    except (IndexError, RuntimeError):
                        continue


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two hold the same numbers, up to the rounding of either's dtype."""
    if one.shape != other.shape:
        return False
    unit = max(torch.finfo(tensor.dtype).eps for tensor in (one, other))
    return torch.allclose(one.double(), other.double(), rtol=unit, atol=0.0)
