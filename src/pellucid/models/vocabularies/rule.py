"""Rules: one line that says how a tensor of ours is made of another program's.

    blocks.{i}.mlp.0.weight.T -> h.{i}.mlp.c_fc.weight
    blocks.{i}.q.weight.T, blocks.{i}.k.weight.T, blocks.{i}.v.weight.T -> h.{i}.attn.c_attn.weight
    layers.{i}.qkv -> h.{i}.attn.q, h.{i}.attn.k, h.{i}.attn.v
    stack.ln_1.scale[{i}] -> h.{i}.ln_1.weight
    transformer.* -> *
    *.mask -> -

Theirs stand on the left and ours on the right. `{i}` is the number of a layer, counted from 0, and
`{i+1}` of one that is counted from 1. Behind a name of theirs, `[{i}]` takes the layer's part of a
tensor that has all layers along its first axis, and `.T` exchanges the last two axes. Several of
theirs are joined along the last axis of ours, the output's; one of theirs is cut along it into
several of ours. `*` is any text, the same in all names of a rule. `-` leaves a tensor out.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.models.vocabularies.row import (
    LEFT_OUT,
    Layout,
    VocabularyRow,
    VocabularySizes,
    as_it_is,
    turned,
)

ARROW, TURNED, PART, ANY = "->", ".T", "[{i}]", "*"

EXAMPLE = "'blocks.{i}.up.weight.T -> h.{i}.mlp.c_fc.weight'"
"""What a rule looks like, for messages."""

_NUMBER = re.compile(r"\{i(?:[+-]\d{1,3})?\}")
_COMMENT = re.compile(r"(?:^|\s)#")
_BRACES = re.compile(r"\{[^{}]*\}?|\}")


class TheirTensor(NamedTuple):
    """One tensor on the left: its name, and what is done to it before it is ours."""

    name: str
    stacked: bool = False
    turned: bool = False

    def __str__(self) -> str:
        return f"{self.name}{PART * self.stacked}{TURNED * self.turned}"

    @classmethod
    def of(cls, text: str) -> "TheirTensor":
        """From its text."""
        name = text.removesuffix(TURNED)
        rest = name.removesuffix(PART)
        return cls(rest, rest != name, name != text)

    def read(self, theirs: Tensor, layer: int) -> Tensor:
        """The tensor, with what is to be done to it."""
        own = theirs[layer] if self.stacked else theirs
        return own.mT if self.turned else own


class NameRule(NamedTuple):
    """A rule; `place` says where it stands, for messages."""

    theirs: tuple[TheirTensor, ...]
    ours: tuple[str, ...]
    place: str = "a rule"
    needed: bool = False  # whether it must find a tensor

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.theirs))} {ARROW} {', '.join(self.ours)}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of theirs, as patterns."""
        return tuple(one.name for one in self.theirs)

    def rows(self, there: Collection[str] = ()) -> Iterator[VocabularyRow]:
        """The rows that say the same; of a rule with `*`, for the names that are there."""
        for texts in self._texts(there):
            theirs = tuple(name.replace(ANY, texts) for name in self.names)
            for place, ours in enumerate(self.ours):
                own = ours.replace(ANY, texts)
                yield VocabularyRow(theirs, own, self._layout(place), self.theirs[0].stacked)

    def _texts(self, there: Collection[str]) -> Iterator[str]:
        """What `*` stands for; itself in a rule that leaves out, which matches by itself."""
        if ANY not in self.names[0] or self.ours == (LEFT_OUT,):
            yield ANY
            return
        before, _, after = self.names[0].partition(ANY)
        for name in there:
            text = name[len(before) : len(name) - len(after)]
            if name == before + text + after:
                yield text

    def _layout(self, place: int) -> Layout:
        first, *more = self.theirs
        if more or first.stacked or len(self.ours) > 1:
            return RuleLayout(self.theirs, self.ours, place)
        return turned if first.turned else as_it_is


@dataclass(frozen=True)
class RuleLayout:
    """How one of ours is made of theirs: each turned, then all joined, or the one cut."""

    theirs: tuple[TheirTensor, ...]
    ours: tuple[str, ...]
    place: int

    def __call__(self, *given: Any) -> Tensor:
        """`layout(*theirs, sizes)`; `RuntimeError` where they cannot be joined or cut."""
        *tensors, sizes = given
        pairs = zip(self.theirs, tensors, strict=True)
        parts = [one.read(tensor, sizes.layer) for one, tensor in pairs]
        shapes = [_shape_of(name, sizes) for name in self.ours]
        if len(parts) > 1:
            rows = shapes[0][0] if shapes[0] is not None and len(shapes[0]) == 2 else 0
            return torch.cat([heads_joined(part, rows) for part in parts], -1)
        if len(shapes) == 1:
            return parts[0]
        whole = parts[0]
        widths = [shape[-1] for shape in shapes if shape is not None]
        if len(widths) < len(shapes) or sum(widths) != whole.shape[-1]:
            if whole.shape[-1] % len(shapes):
                raise RuntimeError(f"{whole.shape[-1]} columns cannot be cut into {len(shapes)}")
            widths = [whole.shape[-1] // len(shapes)] * len(shapes)
        start = sum(widths[: self.place])
        return whole.narrow(-1, start, widths[self.place])


def _shape_of(pattern: str, sizes: VocabularySizes) -> tuple[int, ...] | None:
    """The shape of a parameter; of what a map puts out, that of its weight; None of others."""
    name = _NUMBER.sub(str(sizes.layer), pattern)
    shapes = sizes.config.parameter_shapes()
    path = name.removesuffix(".out")
    found = shapes.get(name, shapes.get(f"{path}.weight") if path != name else None)
    return tuple(found) if found is not None else None


def heads_joined(part: Tensor, rows: int) -> Tensor:
    """(H, C, d) or (C, H, d) as (C, H·d), and (H, d) as (H·d), where ours has so many rows."""
    if part.dim() == 3 and rows and rows in part.shape[:2]:
        return (part.transpose(0, 1) if part.shape[1] == rows else part).flatten(1)
    return part.flatten() if part.dim() == 2 and not rows else part


def parse_rule(text: str, place: str = "a rule", *, needed: bool = False) -> NameRule:
    """The rule that a line says; `ConfigError` where it says none."""
    left, arrow, right = text.partition(ARROW)
    if not arrow or ARROW in right:
        raise _wrong(place, f"have one {ARROW}", text, f"write it as {EXAMPLE}")
    sides = [[name.strip() for name in side.split(",")] for side in (left, right)]
    for side, whose in zip(sides, ("yours", "ours"), strict=True):
        if "" in side:
            said = f"have a name of {whose} on each side of {ARROW} and of each comma"
            raise _wrong(place, said, text, f"write it as {EXAMPLE}")
    theirs, ours = tuple(map(TheirTensor.of, sides[0])), tuple(sides[1])
    rule = NameRule(theirs, ours, place, needed)
    _check(rule, text)
    return rule


def _check(rule: NameRule, text: str) -> None:
    """Whether a rule can be followed; `ConfigError`."""
    place, theirs, ours = rule.place, rule.theirs, rule.ours
    _check_signs(rule)
    if len(theirs) > 1 and len(ours) > 1:
        said = "join several of yours into one of ours, or cut one of yours into several"
        raise _wrong(place, said, text, "write a rule for each")
    if LEFT_OUT in ours:
        if len(ours) > 1 or len(theirs) > 1 or theirs[0].stacked or theirs[0].turned:
            said = f"have one name of yours alone before {LEFT_OUT}, which leaves it out"
            raise _wrong(place, said, text, "write a rule for each")
        return
    if len({one.stacked for one in theirs}) > 1:
        raise _wrong(place, f"have {PART} behind all of yours or none", text, "write it behind all")
    stacked, names = theirs[0].stacked, (*rule.names, *ours)
    if stacked and any(map(_NUMBER.search, rule.names)):
        raise _wrong(place, f"have {{i}} in {PART} alone", text, "take one of them out")
    numbered = [stacked or bool(_NUMBER.search(name)) for name in rule.names]
    if len({*numbered, *(bool(_NUMBER.search(name)) for name in ours)}) > 1:
        remedy = "write {i} in each, or in none"
        raise _wrong(place, "have {i} in all its names or in none", text, remedy)
    if len({ANY in name for name in names}) > 1:
        raise _wrong(place, "have * in all its names or in none", text, "write * in each")
    if len(set(ours)) < len(ours):
        raise _wrong(place, "have each of our names once", text, "take one of them out")


def _check_signs(rule: NameRule) -> None:
    """Whether braces, * and .T are where they may be; `ConfigError`."""
    place = rule.place
    for name in (*rule.names, *rule.ours):
        if not all(map(_NUMBER.fullmatch, _BRACES.findall(name))):
            said = "have no braces but {i}, the number of a layer, and {i+1}"
            raise _wrong(place, said, name, "write {i} there")
        if name.count(ANY) > 1 or (ANY in name and _NUMBER.search(name)):
            raise _wrong(place, "have one * in a name, and no {i} with it", name, "use {i} alone")
    if turned_ones := [name for name in rule.ours if name.endswith(TURNED)]:
        remedy = f"write {TURNED} behind your name, on the left"
        raise _wrong(place, "have our names as they are", turned_ones[0], remedy)


def _wrong(place: str, must: str, got: str, remedy: str) -> ConfigError:
    return ConfigError(f"{place} must {must}, and it is {got.strip()!r:.120}: {remedy}")


def rules(text: str, *, graded: bool = True) -> tuple[VocabularyRow, ...]:
    """The rows of a text of rules, one a line, as a vocabulary has them."""
    found = [row for _, line in rule_lines(text) for row in parse_rule(line, line).rows()]
    return tuple(found if graded else [row._replace(graded=False) for row in found])


def rule_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines with a rule in them, without comments, and each one's number, counted from 1."""
    for number, line in enumerate(text.splitlines(), 1):
        if said := _COMMENT.split(line, maxsplit=1)[0].strip():
            yield number, said
