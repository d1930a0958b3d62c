"""Which activations of a model can be set by hand: read off runs on inputs of several lengths."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from pellucid.layers import REFERENCE, Ops
from pellucid.models.intervening import ATTENTION
from pellucid.models.model import Model
from pellucid.tape import Tape

_FIRST = re.compile(r"(?<=\.)0(?=\.)")
"""The number of the first block in a name; the others are made as it is."""


class Settable(NamedTuple):
    """Where a run can be set by hand: the pair that makes it, and its axes.

    Of an axis the size, or the input whose places it has.
    """

    pair: str
    axes: tuple[int | str, ...]

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """The sizes of its axes, None for places of a text."""
        return tuple(size if isinstance(size, int) else None for size in self.axes)


def intervention_names(model: Model) -> tuple[str, ...]:
    """The names of the activations that can be set, in the order in which they are made.

    They are what the pairs of `Ops` make on the way to the loss; of attention it is the table.

    >>> from pellucid.models import GPT, GPTConfig
    >>> intervention_names(GPT.without_weights(GPTConfig(n_layer=1, n_head=2, n_embd=4)))[:4]
    ('embed.out', 'wpe.out', 'h.0.ln_1.out', 'h.0.attn.c_attn.out')
    """
    return tuple(settable(model))


def intervention_sizes(model: Model, name: str) -> tuple[int | None, ...]:
    """The sizes of the axes of an activation that can be set, None for the text's positions.

    >>> from pellucid.models import GPT, GPTConfig
    >>> intervention_sizes(GPT.without_weights(GPTConfig(n_head=12)), "h.3.attn.att")
    (12, None, None)
    """
    return settable(model)[name].sizes


def pairs_at(tape: Tape) -> dict[str, str]:
    """What the pairs of a table made on the way to the loss, and the pair that made it.

    A pair is called through the table where the call around it has one; the loss itself, which is
    made at no place of its own, is not among them.
    """
    pairs = {getattr(REFERENCE, pair.name).forward: pair.name for pair in fields(Ops)}
    found: dict[str, str] = {}
    for call in tape.calls:
        through_table = call.outer is not None and "ops" in call.outer.arguments
        if call.function not in pairs or not call.path or not through_table:
            continue
        pair = pairs[call.function]
        if pair == ATTENTION:  # of z, which the table makes, the layer around shows the gradient
            found[f"{call.path}.att"] = pair
        else:
            found |= {name: pair for name in call.outputs if tape.value(name) is call.result[0]}
    return {name: found[name] for name in tape if name in found}


@lru_cache(maxsize=16)
def _runs(kind: Any, config: Any) -> Mapping[str, Tape]:
    """A run of such a model on inputs of length two, under "", and for each input a longer one."""
    tapes: dict[str, Tape] = {}
    for longer in ("", *kind.inputs):
        lengths = dict.fromkeys(kind.inputs, 2)
        if longer:
            lengths[longer] += 1
        small, batch = kind.probe(config, lengths)
        tapes[longer] = Tape()
        kind.without_weights(small).loss(*batch, tapes[longer])
    return tapes


def settable(model: Model) -> dict[str, Settable]:
    """Where a run of this model can be set, by the names of what is made there."""
    kind: Any = type(model)
    return _places(kind, model.config)


@lru_cache(maxsize=16)
def _places(kind: Any, config: Any) -> dict[str, Settable]:
    """Where a run of such a model can be set: an axis that grows with an input has its places."""
    runs = _runs(kind, config)
    found = {
        name: Settable(
            pair, tuple(_axis(runs, name, axis) for axis in range(runs[""].value(name).dim()))
        )
        for name, pair in pairs_at(runs[""]).items()
    }
    return {name: found[first] for name, first in _every_block(found, _depth(config))}


def _axis(runs: Mapping[str, Tape], name: str, axis: int) -> int | str:
    """The input that an axis grows with, or else its size."""
    sizes = {longer: int(tape.value(name).shape[axis]) for longer, tape in runs.items()}
    return next((longer for longer, size in sizes.items() if size != sizes[""]), sizes[""])


def _depth(config: Any) -> int:
    """How many blocks a model has that are as its first, which alone was run."""
    return getattr(config, "n_layer", 1)


def _every_block(names: Iterable[str], depth: int) -> Iterator[tuple[str, str]]:
    """The names of a whole run, each with its like in a run of the first block alone."""
    for in_block, group in groupby(names, lambda name: _FIRST.search(name) is not None):
        own = list(group)
        for number in range(depth if in_block else 1):
            yield from ((_FIRST.sub(str(number), name), name) for name in own)


def names_made(model: Model) -> list[str]:
    """All that a run makes, in its order, of which some can be set."""
    kind: Any = type(model)
    run = _runs(kind, model.config)[""]
    return [one for one, _ in _every_block(run, _depth(model.config))]
