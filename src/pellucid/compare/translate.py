"""From the names of a dump to ours."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import torch

from pellucid.compare.decoded_names import is_decoded
from pellucid.compare.naming import GRADIENT, VALUE, NamesThere, forms, plain
from pellucid.compare.rules import check_rules, rules_of
from pellucid.models import VOCABULARIES, CausalModel
from pellucid.models.vocabularies.row import (
    LEFT_OUT,
    TensorSource,
    VocabularyRow,
    VocabularySizes,
    as_it_is,
    with_number,
    without_padding,
)
from pellucid.models.vocabularies.rule import NameRule
from pellucid.walkthrough.names import describe

_STEP = re.compile(r"step\.\d+\.")
_LAYER = re.compile(r"^d?h\.(\d+)\.")
_NUMBER = re.compile(r"(?<![^._])\d+(?![^._])")
_OTHERS = {"step.losses", "step.norms"}

Shape = tuple[int, ...]
NameMap = Mapping[str, str] | Sequence[NameRule]
"""Their names and ours, or rules."""


class Unknown(NamedTuple):
    """A name that nobody knows, and those that are nearest to it."""

    name: str
    near: tuple[str, ...]


class NameTranslation(NamedTuple):
    """What was found under which of our names, and what was not understood."""

    found: Mapping[str, TensorSource]
    unknown: tuple[Unknown, ...]
    twice: tuple[str, ...]  # names of a tensor that was found under another already
    notes: tuple[str, ...] = ()  # what is to be said of the names themselves

    @property
    def layouts(self) -> tuple[str, ...]:
        """What is to be said of other programs' layouts, each once."""
        said = (source.layout_said for source in self.found.values())
        return tuple(dict.fromkeys(one for one in said if one))


class _Match(NamedTuple):
    """One of ours that a vocabulary finds."""

    ours: str
    source: TensorSource


def translate(
    names: Collection[str],
    model: CausalModel,
    own_map: NameMap | None = None,
    shape: Callable[[str], Shape] | None = None,
) -> NameTranslation:
    """Find ours among the names of another program's tensors.

    `own_map` has their names and ours, or rules, and comes first; then our own names, then those of
    the model's vocabularies; of the model its weights are not needed. Where two vocabularies have
    one name for different layouts, `shape` of a name of theirs decides. Raises `TraceError` where a
    rule finds no tensor that it must, or leads to none of ours.
    """
    config, there = model.config, NamesThere.of(names)
    found: dict[str, TensorSource] = {}
    used: set[str] = set()
    twice: list[str] = []

    def take(ours: str, source: TensorSource) -> None:
        if ours == LEFT_OUT and used.issuperset(source.names):
            return
        used.update(source.names)
        if ours == LEFT_OUT or ours in found:
            twice.extend(source.names)
        else:
            found[ours] = source

    by_rules = {rule: _by_rule(rule, names, there, config) for rule in rules_of(own_map)}
    idle = check_rules(by_rules, names, lambda ours: is_ours(ours, config), config.n_layer)
    for one in (one for matches in by_rules.values() for one in matches):
        take(*one)
    for name in names:
        ours = _ours(name, config) if name not in used else None
        if ours is not None:
            padded = ours.removeprefix("d") in {"logits", "probs"}
            layout = without_padding if padded else as_it_is
            take(ours, TensorSource((name,), layout, VocabularySizes(config, 0)))
    own = VOCABULARIES.get(model.architecture, {})
    by_program = {
        program: list(_matches(rows, there, config, used)) for program, rows in own.items()
    }
    ranked, notes = _ranked(by_program, config, shape)
    for program in ranked:
        before = set(used)
        for ours, source in by_program[program]:
            if before.isdisjoint(source.names):
                take(ours, source)
    twice.extend(n for name in list(used) for n in there.again.get(name, ()) if n not in used)
    left = [name for name in names if name not in used and name not in twice]
    known = [*found, *(name for rows in own.values() for row in rows for name in row.theirs)]
    unknown = tuple(
        Unknown(name, _near(name, known) if place < SHOWN else ())
        for place, name in enumerate(left)
    )
    return NameTranslation(found, unknown, tuple(dict.fromkeys(twice)), (*idle, *notes))


SHOWN = 8
"""For so many unknown names those that are near are looked for."""


def layer_of(name: str) -> int:
    """The number of the layer that a name of ours is of; -1 where it is of none."""
    layer = _LAYER.match(_STEP.sub("", name, count=1))
    return -1 if layer is None else int(layer[1])


def is_ours(name: str, config: Any) -> bool:
    """Whether this is a name of ours that a model of the configuration may have."""
    bare = _STEP.sub("", name, count=1)
    if layer_of(name) >= config.n_layer:
        return False
    others = name in _OTHERS or is_decoded(name, config.n_layer)
    return others or describe(bare) is not None


def _matches(
    rows: Iterable[VocabularyRow], there: NamesThere, config: Any, used: Collection[str] = ()
) -> Iterator[_Match]:
    """Every name of ours that rows find, for each layer: values, gradients and updates."""
    parameters = set(config.parameter_shapes())
    for row in rows:
        if row.ours == LEFT_OUT and "*" in row.theirs[0]:
            yield from _left_out(row, there, config)
            continue
        for layer in row.layers(config.n_layer):
            ours, theirs = row.our_name(layer), row.names(layer, config.n_layer)
            for form in there.by_form:
                if not (form in (VALUE, GRADIENT) or ours in parameters):
                    continue
                found = there.find(form, theirs)
                if found is not None and not set(found) & set(used):
                    sizes = VocabularySizes(config, layer)
                    source = TensorSource(found, row.layout, sizes, row.said, row.stacked)
                    left_out = ours == LEFT_OUT or (form == GRADIENT and not row.graded)
                    yield _Match(LEFT_OUT if left_out else form.format(ours), source)


def _left_out(row: VocabularyRow, there: NamesThere, config: Any) -> Iterator[_Match]:
    """What a row with * leaves out."""
    pattern = re.compile(".*".join(map(re.escape, row.theirs[0].split("*"))))
    forms_of_it = [there.by_form.get(form, {}).items() for form in (VALUE, GRADIENT)]
    for base, name in (pair for pairs in forms_of_it for pair in pairs):
        if pattern.fullmatch(base):
            yield _Match(LEFT_OUT, TensorSource((name,), as_it_is, VocabularySizes(config, 0)))


def _by_rule(
    rule: NameRule, names: Collection[str], there: NamesThere, config: Any
) -> list[_Match]:
    """What a rule of the user's finds that is one of ours, or is left out."""
    bases = dict.fromkeys(base for values in there.by_form.values() for base in values)
    rows = (
        row._replace(theirs=tuple(map(plain, row.theirs))) for row in rule.rows([*bases, *names])
    )
    found = _matches(rows, there, config)
    ours = [one for one in found if one.ours == LEFT_OUT or is_ours(one.ours, config)]
    return list({(one.ours, one.source.names): one for one in ours}.values())


def _ours(name: str, config: Any) -> str | None:
    """The name of ours that this is, as it is or however it is wrapped; None where it is none."""
    if is_ours(name, config):
        return name
    named = (form.format(base) for form, base in forms(plain(name)))
    return next((ours for ours in named if is_ours(ours, config)), None)


# -- two vocabularies with one name ---------------------------------------------------------------


def _ranked(
    by_program: Mapping[str, Sequence[_Match]],
    config: Any,
    shape: Callable[[str], Shape] | None,
) -> tuple[list[str], list[str]]:
    """The programs, the likeliest first, and what is to be said where nothing tells them apart.

    A shape that contradicts a program's layout tells; then how many names it knows.
    """
    readers: dict[tuple[str, ...], dict[str, _Match]] = {}
    for program, matches in by_program.items():
        for one in matches:
            readers.setdefault(one.source.names, {}).setdefault(program, one)
    clashes = {
        names: by
        for names, by in readers.items()
        if len({(one.ours, one.source.layout) for one in by.values()}) > 1
    }
    against = dict.fromkeys(by_program, 0)
    if shape is not None:
        for program, one in (pair for by in clashes.values() for pair in by.items()):
            against[program] += _contradicts(one, config, shape)
    known = {name: len({n for m in by_program[name] for n in m.source.names}) for name in against}
    ranked = sorted(by_program, key=lambda program: (against[program] > 0, -known[program]))
    notes: list[str] = []
    for names, by in clashes.items():
        first, *others = sorted(by, key=ranked.index)
        alike = [
            other
            for other in others
            if (against[other], known[other]) == (against[first], known[first])
            and by[other].source.layout != by[first].source.layout
        ]
        if alike and not notes:
            notes.append(
                f"{', '.join(names)} may be laid out as in {first} or in {alike[0]}, and no shape "
                f"tells which: it is read as in {first}; if that is wrong, say so by --map "
                f"'{_clash_rule(names, by, first)}'"
            )
    return ranked, notes


def _clash_rule(names: tuple[str, ...], by: Mapping[str, _Match], first: str) -> str:
    return f"{names[0]}.T -> {by[first].ours}"


def _contradicts(one: _Match, config: Any, shape: Callable[[str], Shape]) -> bool:
    """Whether a parameter cannot have its shape in this layout, whatever the sizes of the model."""
    wanted = config.parameter_shapes().get(one.ours)
    if wanted is None:
        return False
    blank = [torch.empty(shape(name), device="meta") for name in one.source.names]
    try:
        own = tuple(one.source.layout(*blank, one.source.sizes).shape)
    except (IndexError, RuntimeError):
        return True
    own = own[-len(wanted) :]
    if len(own) != len(wanted):
        return True
    if len(wanted) == 1:
        return False
    return bool((wanted[0] - wanted[1]) * (own[0] - own[1]) < 0)


def _near(name: str, known: Sequence[str]) -> tuple[str, ...]:
    """Those of the known names that are nearest, with the layer's number that this one has."""
    bare = plain(name)
    layer = _NUMBER.search(bare)
    pattern = _NUMBER.sub("{i}", bare, count=1)
    tried = list(dict.fromkeys(known))
    close = get_close_matches(pattern, tried, n=2, cutoff=0.6)
    close = close or get_close_matches(bare, tried, n=2, cutoff=0.6)
    return tuple(with_number(one, int(layer[0]) if layer else 0) for one in close)
