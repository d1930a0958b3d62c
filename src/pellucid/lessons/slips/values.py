"""Slips that are made with a number of the run: its sign, its neighbours, a product of its sum."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice

from torch import Tensor

from pellucid.lessons.ends import Ends
from pellucid.lessons.exercise import Exercise, Slip
from pellucid.lessons.words import said
from pellucid.numbers import OPERATIONS, Term, at

NEIGHBOURS = 64
"""Of a row or a column, so many numbers are known as neighbours."""

PRODUCTS = 16
"""Of a sum, so many terms are known to be left out."""

Index = tuple[int, ...]


def of_values(name: str, value: Tensor, index: Index, term: Term | None) -> Iterator[Slip]:
    """The slips at one number of a value, made as `term` says."""
    true = float(value[index])
    yield from _of_writing(true)
    if term is not None:
        yield from _of_sum(term)
        if term.operation in {"div", "rsqrt"} and true:
            yield _slip("upside_down", 1 / true)
    yield from (slip for slip in _neighbours(name, value, index) if slip is not None)


def of_way(way: Sequence[Exercise]) -> Iterator[Slip]:
    """To give a number on the way for the answer, a step too early."""
    for step in way:
        if step.ends is not None:
            yield Slip("too_early", said("slips.too_early", value=step.value), step.ends)


def _of_writing(true: float) -> Iterator[Slip]:
    yield _slip("sign", -true)
    if abs(true) <= 1:
        yield _slip("percent", 100 * true)
    yield _slip("point_right", 10 * true)
    yield _slip("point_left", true / 10)


def _neighbours(name: str, value: Tensor, index: Index) -> Iterator[Slip | None]:
    """The numbers in the same row and column, and where row and column are exchanged."""
    if len(index) > 1 and index[-1] != index[-2]:
        turned = (*index[:-2], index[-1], index[-2])
        inside = all(place < size for place, size in zip(turned, value.shape, strict=True))
        if inside and value[turned].isfinite():
            yield _at("exchanged_index", name, value, turned)
    for axis, slip in ((-1, "other_column"), (-2, "other_row"), (-3, "other_head")):
        if len(index) < -axis:
            continue
        for place in islice(range(value.shape[axis]), NEIGHBOURS):
            other = list(index)
            other[axis] = place
            if place != index[axis] and value[tuple(other)].isfinite():
                yield _at(slip if len(index) > 1 else "other_place", name, value, tuple(other))


def _of_sum(term: Term) -> Iterator[Slip]:
    """A term of a sum that is left out, or has the wrong sign, with what then comes of it."""
    parts = [(one, part) for one in _sums(term) for part in one.operands]
    for one, part in parts[:PRODUCTS]:
        text = _text(part)
        sign = -1 if one.operation == "sub" and part is one.operands[1] else 1
        for slip, less in (("left_out", part.value), ("wrong_sign", 2 * part.value)):
            value = _worth(term, {id(one): one.value - sign * less})
            if math.isfinite(value):
                yield _slip(slip, value, part=text)


def _sums(term: Term) -> list[Term]:
    """The sums in a number's own arithmetic, from the outside in."""
    found: dict[int, Term] = {}
    waiting = [term]
    while waiting:
        current = waiting.pop(0)
        if id(current) not in found and current.operation:
            found[id(current)] = current
            waiting += current.operands
    sums = (one for one in found.values() if one.operation in {"sum", "add", "sub"})
    return [one for one in sums if all(part.operation != "max" for part in one.operands)]


def _worth(term: Term, instead: dict[int, float]) -> float:
    """What a term comes to with other values for some of those that it is made from."""
    if id(term) not in instead:
        values = [_worth(part, instead) for part in term.operands]
        try:
            worth = OPERATIONS[term.operation].compute(*values) if term.operation else term.value
        except (ValueError, ArithmeticError):
            worth = math.nan
        instead[id(term)] = worth
    return instead[id(term)]


def _text(term: Term) -> str:
    """A term of a sum, as a learner would write it: 32 · 0.1."""
    if term.operation == "mul":
        return " · ".join(_figure(part) for part in term.operands)
    return _figure(term)


def _figure(term: Term) -> str:
    text = f"{term.value:.4g}".replace("-", "\N{MINUS SIGN}")
    return f"({text})" if term.value < 0 else text


def _at(slip: str, name: str, value: Tensor, index: Index) -> Slip | None:
    """The slip to give another place's number; None where that is none, as a hidden score is."""
    gives = float(value[index])
    return _slip(slip, gives, value=at(name, index)) if math.isfinite(gives) else None


def _slip(name: str, gives: float, /, **words: object) -> Slip:
    return Slip(name, said(f"slips.{name}", **words), Ends.near(gives))
