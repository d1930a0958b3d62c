"""The words: read from the tables in data/, checked, and sorted by what they may stand for.

README.md beside this file explains the tables.
"""

import tomllib
from collections import defaultdict
from functools import cache
from typing import Any, NamedTuple

from pellucid.errors import TextError
from pellucid.grammar.conjugation import PrincipalParts
from pellucid.grammar.english import EnglishVerb
from pellucid.grammar.frames import Frame, listed, parse_frame
from pellucid.grammar.tables import (
    ADJECTIVE_COLUMNS,
    NONE,
    NOUN_COLUMNS,
    VERB_COLUMNS,
    data_text,
    table,
)


class Noun(NamedTuple):
    """A noun in both languages; `classes` say what can be said of it."""

    german: str
    gender: str
    plural: str
    english: str
    english_plural: str
    classes: frozenset[str]

    @property
    def only_plural(self) -> bool:
        """Whether German has only the plural: Eltern, Leute."""
        return self.gender == "p"

    @property
    def mass(self) -> bool:
        """Whether English has only the singular, without an article: milk, information."""
        return self.english_plural == NONE

    @property
    def pair(self) -> bool:
        """Whether English has only the plural: trousers, glasses."""
        return "pair" in self.classes

    @property
    def countable(self) -> bool:
        """Whether there are two of it in both languages."""
        return NONE not in {self.plural, self.english_plural} and not self.pair


class Verb(NamedTuple):
    """A verb in both languages, in one of its uses."""

    german: str
    prefix: str
    reflexive: bool
    parts: PrincipalParts
    participle: str
    with_sein: bool
    english: EnglishVerb
    frame: Frame

    @property
    def infinitive(self) -> str:
        """The infinitive in one word."""
        return self.prefix + self.parts.infinitive


class Adjective(NamedTuple):
    """An adjective in both languages; its superlative is a stem, größt-."""

    german: str
    comparative: str
    superlative: str
    english: str
    english_comparative: str
    english_superlative: str
    classes: frozenset[str]

    @property
    def predicate(self) -> bool:
        """Whether it may stand behind sein."""
        return bool({"predicate", "only-predicate"} & self.classes)


class Lexicon:
    """All words, and which of them fit a class."""

    def __init__(
        self,
        nouns: tuple[Noun, ...],
        verbs: tuple[Verb, ...],
        adjectives: tuple[Adjective, ...],
        words: dict[str, Any],
        choices: dict[str, list[Any]],
    ) -> None:
        self.nouns, self.verbs, self.adjectives, self.words = nouns, verbs, adjectives, words
        self.choices = choices
        self.by_name = {noun.german: noun for noun in nouns}
        self.by_class: dict[str, list[Noun]] = defaultdict(list)
        for noun in nouns:
            for one in noun.classes:
                self.by_class[one].append(noun)
        tall = words.get("of_people", {})
        self.adjectives_for = {
            noun.german: [
                _of_people(each, tall) if "person" in noun.classes else each
                for each in adjectives
                if each.classes & {noun.german, *noun.classes}
                and "only-predicate" not in each.classes
            ]
            for noun in nouns
        }
        self.predicates_for = {
            name: [one for one in fitting if one.predicate and one.german != "eigen"]
            for name, fitting in self.adjectives_for.items()
        }
        self.moods = [one for one in adjectives if one.german in choices["moods"]]
        self.other = Adjective("ander", NONE, NONE, "other", NONE, NONE, frozenset())
        self.verbs_named: dict[str, list[Verb]] = defaultdict(list)
        for verb in verbs:
            self.verbs_named[verb.german].append(verb)

        self.times = {
            tense: [
                (german, english)
                for german, (english, *tenses) in words["time"].items()
                if tense in tenses
            ]
            for tense in ("past", "perfect", "now", "habit", "future")
        }
        recurring = set(self.times["habit"])
        self.times["once"] = [pair for pair in self.times["future"] if pair not in recurring]

        self.throughout = [(german, row[0]) for german, row in words.get("throughout", {}).items()]
        self.manners: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for german, (english, *fitting) in words["manner"].items():
            for one in fitting:
                self.manners[one].append((german, english))
        self.frequencies = [(german, row[0]) for german, row in words["frequency"].items()]
        simple = {"acc", "dat", "prep", "place", "direction", "name"}
        self.simple_verbs = [
            verb
            for verb in verbs
            if {slot.kind for slot in verb.frame.slots} <= simple
            and verb.german not in choices["measured"]
        ]

        self.passive_verbs = [
            one
            for one in self.simple_verbs
            if len(one.frame.slots) == 1
            and one.frame.slots[0].kind == "acc"
            and not one.frame.slots[0].english
            and any(self.nouns_of(each) for each in one.frame.slots[0].classes)
            and "person" in one.frame.subjects
            and not one.reflexive
            and not one.frame.marks & {"state", "nopassive", "dat-subject", "particle"}
            and one.english.base.split()[0] != "be"
        ]
        self.plain_verbs = [
            one for one in self.simple_verbs if not one.frame.marks & {"dat-subject", "bare"}
        ]
        self.thing_verbs = [
            one
            for one in self.plain_verbs
            if "person" in one.frame.subjects
            and one.german in choices["anything"]
            and [slot.kind for slot in one.frame.slots] in [["acc"], ["dat", "acc"]]
        ]
        self.person_verbs = [one for one in self.plain_verbs if "person" in one.frame.subjects]
        self.company_verbs, self.asked_verbs = (
            [one for one in self.person_verbs if one.german in choices[name]]
            for name in ("in_company", "asked_for")
        )
        self.ending_in = {
            kind: [one for one in verbs if one.frame.slots and one.frame.slots[-1].kind == kind]
            for kind in ("dass", "zu", "ob", "place", "direction")
        }
        self.lasting_verbs = [one for one in self.plain_verbs if one.german in choices["lasting"]]
        had = {"Hunger |haben", "Durst |haben", "Zeit |haben", "Angst |haben"}
        self.states_had = [one for one in verbs if one.german in had and not one.frame.slots]
        self.liked_verbs = [one for one in self.person_verbs if one.german in choices["liked"]]
        self.weather_verbs = [one for one in self.simple_verbs if "es" in one.frame.subjects]
        people = self.by_class.get("person", [])
        self.people = [
            [one for one in people if "relative" in one.classes],
            [one for one in people if not one.classes & {"relative", "job"}],
            [one for one in people if "job" in one.classes],
        ]
        unwilled = {*choices["at_once"], *choices["unwilled"]}
        self.willed_verbs = [
            verb
            for verb in self.simple_verbs
            if "person" in verb.frame.subjects
            and not verb.frame.marks & {"state", "dat-subject", "bare"}
            and verb.german not in unwilled
        ]

    def nouns_of(self, one: str) -> list[Noun]:
        """The nouns of a class, or the one noun that a capitalized word names."""
        return [self.by_name[one]] if one in self.by_name else self.by_class.get(one, [])


@cache
def lexicon() -> Lexicon:
    """The words that come along."""
    nouns = tuple(_noun(cells) for _, cells in table("nouns.tsv", NOUN_COLUMNS))
    adjectives = tuple(_adjective(cells) for _, cells in table("adjectives.tsv", ADJECTIVE_COLUMNS))
    verbs = tuple(_verb(number, cells) for number, cells in table("verbs.tsv", VERB_COLUMNS))
    words, choices = (tomllib.loads(data_text(name)) for name in ("words.toml", "choices.toml"))
    return Lexicon(nouns, verbs, adjectives, words, choices)


def _noun(cells: list[str]) -> Noun:
    german, gender, plural, english, many, classes = cells
    return Noun(german, gender, plural, english, many, frozenset(listed(classes)))


def _adjective(cells: list[str]) -> Adjective:
    german, comparative, superlative, english, more, most, classes = cells
    return Adjective(
        german, comparative, superlative, english, more, most, frozenset(listed(classes))
    )


def _of_people(adjective: Adjective, others: dict[str, list[str]]) -> Adjective:
    """The adjective in the English that people have: tall, where a house is big."""
    if adjective.german not in others:
        return adjective
    english, more, most = others[adjective.german]
    return adjective._replace(english=english, english_comparative=more, english_superlative=most)


def _verb(number: int, cells: list[str]) -> Verb:
    german, third, past, participle, auxiliary, *english, frame = cells
    reflexive = german.startswith("sich ")
    prefix, bar, infinitive = german.removeprefix("sich ").partition("|")
    if not bar:
        prefix, infinitive = "", prefix
    try:
        parsed = parse_frame(frame)
    except ValueError as error:
        raise TextError(f"a verb's frame {error}: correct line {number} of verbs.tsv") from None
    if auxiliary not in {"haben", "sein"}:
        raise TextError(
            f"a verb's auxiliary must be haben or sein, not {auxiliary!r}: correct line {number} "
            "of verbs.tsv"
        )
    parts = PrincipalParts(infinitive, third, past)
    base, third, past, done, ing = english
    own = EnglishVerb(base, third, past, done, ing)
    return Verb(german, prefix, reflexive, parts, participle, auxiliary == "sein", own, parsed)
