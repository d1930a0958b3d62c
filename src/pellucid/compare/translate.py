"""From the names of a dump to ours."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from pellucid.compare.decoded_names import is_decoded
from pellucid.errors import TraceError
from pellucid.models import VOCABULARIES, CausalModel
from pellucid.models.vocabularies.row import (
    TensorSource,
    VocabularyRow,
    VocabularySizes,
    as_it_is,
    without_padding,
)
from pellucid.models.vocabularies.transformer_lens import INPUTS
from pellucid.walkthrough.names import describe, names

_GRADS = ("{}.grad", "{}_grad", "grad.{}", "grads.{}", "grads_acts.{}", "d{}")
_STEP = re.compile(r"step\.\d+\.")
_LAYER = re.compile(r"^d?h\.(\d+)\.")
_OTHERS = {"step.losses", "step.norms"}


class Unknown(NamedTuple):
    """A name that nobody knows, and those that are nearest to it."""

    name: str
    near: tuple[str, ...]


class NameTranslation(NamedTuple):
    """What was found under which of our names, and what was not understood."""

    found: Mapping[str, TensorSource]
    unknown: tuple[Unknown, ...]
    twice: tuple[str, ...]  # names of a tensor that was found under another already

    @property
    def layouts(self) -> tuple[str, ...]:
        """What is to be said of other programs' layouts, each once."""
        said = (source.layout_said for source in self.found.values())
        return tuple(dict.fromkeys(one for one in said if one))


def translate(
    names: Collection[str], model: CausalModel, own_map: Mapping[str, str] | None = None
) -> NameTranslation:
    """Find ours among the names of another program's tensors.

    `own_map` has their name and ours, and comes first; then our own names, then those of the
    model's vocabularies; of the model its weights are not needed. Raises `TraceError` where the map
    names a tensor that is not there, or one of ours that does not exist.
    """
    there, config = set(names), model.config
    found: dict[str, TensorSource] = {}
    used: set[str] = set()
    twice: list[str] = []

    def take(ours: str, source: TensorSource) -> None:
        used.update(source.names)
        if ours in found:
            twice.extend(source.names)
        else:
            found[ours] = source

    nowhere = VocabularySizes(config, 0)
    for theirs, ours in (own_map or {}).items():
        _check_map(theirs, ours, there, config)
        take(ours, TensorSource((theirs,), as_it_is, nowhere))
    for name in names:
        if name not in used and is_ours(name, config):
            padded = name.removeprefix("d") in {"logits", "probs"}
            take(name, TensorSource((name,), without_padding if padded else as_it_is, nowhere))
    free = there - used
    vocabularies = VOCABULARIES.get(model.architecture, {}).values()
    for rows in vocabularies:
        for ours, source in _of(rows, config):
            if free.issuperset(source.names):
                take(ours, source)
    known = [
        *found,
        *(name for rows in vocabularies for _, s in _of(rows, config) for name in s.names),
    ]
    twice.extend(name for name in names if name not in used and INPUTS.search(name))
    left = [name for name in names if name not in used and not INPUTS.search(name)]
    near = {name: tuple(get_close_matches(name, known, n=2, cutoff=0.6)) for name in left[:SHOWN]}
    unknown = tuple(Unknown(name, near.get(name, ())) for name in left)
    return NameTranslation(found, unknown, tuple(twice))


SHOWN = 8
"""For so many unknown names those that are near are looked for."""


def layer_of(name: str) -> int:
    """The number of the layer that a name of ours is of; -1 where it is of none."""
    layer = _LAYER.match(_STEP.sub("", name, count=1))
    return -1 if layer is None else int(layer[1])


def is_ours(name: str, config: Any) -> bool:
    """Whether this is a name of ours that a model of the configuration may have."""
    plain = _STEP.sub("", name, count=1)
    if layer_of(name) >= config.n_layer:
        return False
    others = name in _OTHERS or is_decoded(name, config.n_layer)
    return others or describe(plain) is not None


def _of(rows: tuple[VocabularyRow, ...], config: Any) -> Iterator[tuple[str, TensorSource]]:
    """Every name of ours that the rows have, for each layer, values and gradients."""
    for row in rows:
        numbered = "i" in row.ours.split(".")
        for layer in range(config.n_layer if numbered else 1):
            ours, theirs, sizes = (
                row.our_name(layer),
                row.names(layer, config.n_layer),
                VocabularySizes(config, layer),
            )
            yield ours, TensorSource(theirs, row.layout, sizes, row.said)
            if row.graded:
                for form in _GRADS:
                    yield (
                        f"d{ours}",
                        TensorSource(tuple(map(form.format, theirs)), row.layout, sizes, row.said),
                    )


def _check_map(theirs: str, ours: str, there: set[str], config: Any) -> None:
    if theirs not in there:
        raise TraceError(
            f"a map must name tensors that are there, and {theirs!r} is not{_near(theirs, there)}: "
            "correct it"
        )
    if not is_ours(ours, config):
        some = {row.pattern.replace(".i.", ".0.") for row in names()}
        raise TraceError(
            f"a map must lead to names of docs/names.md, and {ours!r} is none of this model's"
            f"{_near(ours, some)}: correct it"
        )


def _near(name: str, names: Collection[str]) -> str:
    near = get_close_matches(name, list(names), n=2, cutoff=0.5)
    return f" (near it: {', '.join(near)})" if near else ""
