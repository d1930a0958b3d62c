"""Interventions: which activations of a model can be set by hand, and what is set in one run."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.models.intervening import ATTENTION, SetValues
from pellucid.models.model import Model, short
from pellucid.models.settable_places import (
    intervention_names,
    intervention_sizes,
    names_made,
    settable,
)

Index = tuple[int | slice, ...]
"""Of a tensor: its first axes, or all; what stands below them is meant as a whole."""


@dataclass(frozen=True, eq=False)
class Intervention:
    """An activation set by hand: `name[index] = value`, at every run from then on.

    `index` holds whole numbers from 0 on, or slices such as `slice(None)`, for the first axes of
    the activation, none for all of it; a batch's axis is not one of them, and all its texts are
    set alike. `value` is a number, or a tensor that broadcasts to what the index picks, such as
    what another run had there: a patch. A patch of a whole text is for texts of its length, and
    for what is generated after them; `slice(0, 5)` says that it is for five positions of any.
    Attention is set to what is said also at keys that the mask hides.

    With `add`, the value is added to what is made there, as a vector that steers is to the stream:
    what was made still hands its gradient on.
    """

    name: str
    value: float | Tensor
    index: Index = ()
    add: bool = False


def checked(model: Model, interventions: Iterable[Intervention]) -> Iterator[Intervention]:
    """The interventions, values as tensors; `ConfigError` for one that no run could carry out."""
    for intervention in interventions:
        _check_name(model, intervention.name)
        index = tuple(intervention.index)
        _check_index(intervention.name, index, intervention_sizes(model, intervention.name))
        if intervention.add and settable(model)[intervention.name].pair == ATTENTION:
            raise ConfigError(
                "what is added to is a vector at each position, and a table of attention came: "
                f"set {intervention.name} instead"
            )
        yield replace(intervention, value=_finite(intervention, model), index=index)


def set_values(
    model: Model, interventions: Sequence[Intervention], *, start: int, totals: Mapping[str, int]
) -> dict[str, SetValues]:
    """What is set in a run on inputs of these lengths, of which the text's begins at `start`.

    Later interventions in the same numbers win, and what is added adds up. Positions before `start`
    are another run's, which has set them.

    Raises `ConfigError` for a position that the text does not have, a value of another shape, or an
    activation that is both set and added to.
    """
    found: dict[str, SetValues] = {}
    for intervention in interventions:
        where, value = _spread(model, intervention, start, totals)
        place = settable(model)[intervention.name]
        if start and place.axes[-2] == "tokens":
            where, value = where[..., start:, :], value[..., start:, :]
        name, add = intervention.name, intervention.add
        if name in found:
            before = found[name]
            if before.added != add:
                raise ConfigError(
                    f"an activation is either set by hand or added to, and {name} is both: leave "
                    "out one, or add to the one before it"
                )
            value = before.value + value if add else torch.where(where, value, before.value)
            where = before.where | where
        found[name] = SetValues(where, value, place.pair, add)
    return {name: one for name, one in found.items() if bool(one.where.any())}


def _spread(
    model: Model, intervention: Intervention, start: int, totals: Mapping[str, int]
) -> tuple[Tensor, Tensor]:
    """Where in inputs of these lengths something is set, and to what, in the whole shape."""
    axes = settable(model)[intervention.name].axes
    sizes = intervention_sizes(model, intervention.name)
    shape = [totals[size] if isinstance(size, str) else size for size in axes]
    total = next((totals[size] for size in axes if isinstance(size, str)), 0)
    _check_index(intervention.name, intervention.index, shape)
    given = torch.as_tensor(intervention.value)
    index: tuple[Any, ...] = intervention.index + _passed(intervention, given, sizes, start)
    where = torch.zeros(shape, dtype=torch.bool, device=given.device)
    value = torch.zeros(shape, dtype=given.dtype, device=given.device)
    where[index] = True
    wanted, came = tuple(value[index].shape), tuple(given.shape)
    # One position is not broadcast to many: a patch from a text of one token is no such wish.
    kept = [size for size, at in zip_longest(sizes, index) if type(at) is not int]
    rows = [place for place, size in enumerate(kept) if size is None and len(came) == len(wanted)]
    try:
        torch.broadcast_to(given, wanted)
        fits = all(came[place] == wanted[place] for place in rows)
    except RuntimeError:
        fits = False
    if not fits:
        raise ConfigError(
            f"an intervention's value must fit what it sets, which of {intervention.name} is "
            f"{wanted} here, and {came} came: take it from a run on a text of {total} tokens, "
            "or give an index that says which positions it is for"
        )
    value[index] = given
    return where, value


def _passed(
    intervention: Intervention, given: Tensor, sizes: Sequence[int | None], start: int
) -> Index:
    """What limits an index to a past text, where the value is one for all positions of that."""
    below = sizes[len(intervention.index) :]
    if given.dim() != len(below) or not all(type(at) is int for at in intervention.index):
        return ()
    whole = [own for own, size in zip(given.shape, below, strict=True) if size is None]
    if not whole or max(whole) > start:
        return ()
    return tuple(
        slice(None if size is not None else own)
        for own, size in zip(given.shape, below, strict=True)
    )


def _check_name(model: Model, name: str) -> None:
    names = intervention_names(model)
    if name in names:
        return
    raise ConfigError(
        f"an activation that is set must be what one call makes, and {name!r} is none of those: "
        f"set {_instead(model, name, names)}"
    )


def _instead(model: Model, name: str, names: Sequence[str]) -> str:
    """What can be set in the place of a name that cannot: what is made before it, and after."""
    if name.endswith((".weight", ".bias", ".lora_a", ".lora_b")):
        return "a parameter by with_params, and activations by name"
    made = names_made(model)
    if name not in made:
        near = get_close_matches(name, names, n=1, cutoff=0.0)
        return f"{near[0]}, the nearest of the {len(names)} that intervention_names lists"
    at = made.index(name)
    before = [one for one in made[:at] if one in names][-1:]
    after = [one for one in made[at:] if one in names][:1]
    return ", or ".join(
        [*(f"{one}, made before it" for one in before), *(f"{one}, made after it" for one in after)]
    )


def _check_index(name: str, index: Index, sizes: Sequence[int | None]) -> None:
    """Raise `ConfigError` unless the index picks from these sizes; None is a size not known yet."""
    shape = ", ".join("T" if size is None else str(size) for size in sizes)
    if len(index) > len(sizes):
        raise ConfigError(
            f"an intervention's index must have at most an axis for each of its activation's, and "
            f"{_written(index)} has {len(index)} for {name} ({shape}): leave out the last"
        )
    for at, size in zip(index, sizes, strict=False):
        if isinstance(at, slice):
            bounds = [bound for bound in (at.start, at.stop, at.step) if bound is not None]
            right = all(type(bound) is int and bound >= 0 for bound in bounds) and at.step != 0
        else:
            right = type(at) is int and 0 <= at < (math.inf if size is None else size)
        if not right:
            raise ConfigError(
                f"an intervention's index must lie within its activation, counted from 0, and "
                f"{_written(index)} does not: {name} is ({shape})"
            )


def _written(index: Index) -> str:
    return "[" + ", ".join(":" if at == slice(None) else str(at) for at in index) + "]"


def _finite(intervention: Intervention, model: Model) -> Tensor:
    """The value as a tensor of the model's kind; `ConfigError` where it is no finite number."""
    kind: Any = {"dtype": model.dtype, "device": model.device}
    try:
        value = torch.as_tensor(intervention.value, **kind).detach()
        value = value.clone()  # what the caller does with theirs is no edit of the model
    except (TypeError, ValueError, RuntimeError):
        value = torch.tensor(math.nan)
    if not bool(value.isfinite().all()):
        given = intervention.value
        came = "a tensor with others in it" if isinstance(given, Tensor) else given
        raise ConfigError(
            f"an intervention's value must be finite numbers in {short(model.dtype)}, and {came!r} "
            f"came for {intervention.name}: give a number such as 0.5"
        )
    return value
