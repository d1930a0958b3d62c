"""Whole sentences with gaps, from data/patterns.tsv: what one says in shops, on the telephone.

A gap is {name:what} in German and {name} in English, where the same thing stands in its form:

    {x:drink|ein|acc}   a noun of a class, its determiner (or several, with / between), its case
    {x:where} {x:whither} {x:whence} {x:outside}   a place;  {x:city} {x:country} a name alone
    {x:number 2 90} {x:year} {x:clock} {x:at} {x:date} {x:ordinal}   {x:day} {x:month} {x:language}
    {x:name} {x:name f} {x:future} {x:past}
    {x:=gut~well/besser~better}   one of these pairs

A + behind the determiner makes the noun a plural.
"""

import re
from functools import cache
from typing import NamedTuple

from pellucid.errors import TextError
from pellucid.grammar import choosing, places, times
from pellucid.grammar.counting import (
    english_number,
    english_ordinal,
    english_year,
    german_number,
    german_ordinal,
    german_year,
)
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.phrases import nominal
from pellucid.grammar.rules_simple import Pair
from pellucid.grammar.tables import NONE, table

COLUMNS = ("rule", "german", "english")

_GAP = re.compile(r"\{(\w+)(?::([^}]*))?\}")

WAYS = {"where": places.WHERE, "whither": places.WHITHER, "whence": places.WHENCE}
LISTS = {"day": "days", "month": "months", "language": "languages", "season": "seasons"}


class Filled(NamedTuple):
    """What stands in a gap, in both languages, and the key that combinations are noted by."""

    german: str
    english: str
    key: str


class SentencePattern(NamedTuple):
    """A line of the table."""

    rule: str
    german: str
    english: str


@cache
def patterns() -> dict[str, list[SentencePattern]]:
    """The lines of the table by their rule."""
    found: dict[str, list[SentencePattern]] = {}
    for number, (rule, german, english) in table("patterns.tsv", COLUMNS):
        own = {match[1] for match in _GAP.finditer(german)}
        other = {match[1] for match in _GAP.finditer(english)}
        if not other <= own:
            raise TextError(
                f"a pattern's English must have the German's gaps, and line {number} of "
                f"patterns.tsv has {', '.join(sorted(other - own))}: name it in the German"
            )
        found.setdefault(rule, []).append(SentencePattern(rule, german, english))
    return found


def filled_pattern(maker: Maker, rule: str) -> Pair:
    """A sentence of one of the rule's patterns."""
    pattern = maker.one(patterns()[rule])
    filled: dict[str, Filled] = {}
    for match in _GAP.finditer(pattern.german):
        filled[match[1]] = fill(maker, match[2])
        maker.note("pattern", pattern.german, filled[match[1]].key)
    return (
        _GAP.sub(lambda match: filled[match[1]].german, pattern.german),
        _GAP.sub(lambda match: filled[match[1]].english, pattern.english),
    )


def fill(maker: Maker, what: str) -> Filled:
    """Something for a gap."""
    if what.startswith("="):
        german, english = maker.one([pair.split("~") for pair in what[1:].split("/")])
        return Filled(german, english, german)
    kind, *rest = what.split()
    if "|" in what:
        return _noun(maker, *what.split("|"))
    if kind == "outside":
        place = places.outside(maker)
        return Filled(place.german, place.english, place.key)
    if kind in WAYS:
        place = places.place(maker, WAYS[kind], wide=not rest)
        return Filled(place.german, place.english, place.key)
    if kind in {"city", "country"}:
        words = maker.lexicon.words["cities" if kind == "city" else "countries"]
        german, english = maker.one([pair for pair in words.items() if " " not in pair[0]])
        return Filled(german, english, german)
    if kind in LISTS:
        german, english = maker.one(list(maker.lexicon.words[LISTS[kind]].items()))
        return Filled(german, english, german)
    if kind == "name":
        named = choosing.person_name(maker, *rest)
        return Filled(named.cases[0], named.subject, named.key)
    if kind in {"past", "future"}:
        when = times.when(maker, kind)
        return Filled(when.german, when.english, when.key)
    return _counted(maker, kind, rest)


def _noun(maker: Maker, classes: str, determiners: str, case: str) -> Filled:
    noun = maker.noun(tuple(classes.split(",")))
    if case == "nom" and "+" not in determiners and (noun.pair or noun.only_plural):
        raise UnfitError  # the pattern's verb is in the singular
    counted = (noun.countable or (noun.pair and noun.plural != NONE)) and (
        "single" not in noun.classes
    )
    fitting = [one for one in determiners.split("/") if counted or one in {"der", "", "mein"}]
    determiner = maker.one(fitting or ["der" if "single" in noun.classes else ""])
    plural = determiner.endswith("+")
    phrase = nominal(noun, determiner.rstrip("+"), plural=plural, owner="ich")
    return Filled(phrase.german(case), phrase.object, noun.german)


def _counted(maker: Maker, kind: str, rest: list[str]) -> Filled:
    if kind == "clock":
        german, english = times.clock_words(maker)
        return Filled(german, english, german)
    if kind == "at":
        at = times.clock(maker)
        return Filled(at.german, at.english, at.german)
    if kind == "date":
        german, english = times.date(maker)
        return Filled(german, english, german)
    low, high = (int(rest[0]), int(rest[1])) if rest else (1, 30)
    number = low + int(maker.random.random() * (high - low + 1))
    if kind == "year":
        number = 1900 + int(maker.random.random() * 130)
        return Filled(german_year(number), english_year(number), str(number))
    if kind == "ordinal":
        return Filled(german_ordinal(number), english_ordinal(number), str(number))
    if kind != "number":
        raise TextError(
            f"a gap of a pattern must be one of those that patterns.py lists, not {kind!r}"
        )
    return Filled(german_number(number), english_number(number), str(number))
