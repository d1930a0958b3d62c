"""Where something is, whither and whence it goes: places, towns and countries, where things lie."""

from pellucid.grammar import german
from pellucid.grammar.making import Maker
from pellucid.grammar.meaning import Adverbial
from pellucid.grammar.phrases import OWN, nominal

WHERE, WHITHER, WHENCE = 0, 2, 4
"""Where in a place's row its prepositions stand, German and English."""

DATIVE = {"zu", "bei", "aus", "von", "nach", "vor", "mit"}
"""Prepositions that have the dative also where something goes."""


def place(maker: Maker, way: int = WHERE, *, wide: bool = True) -> Adverbial:
    """A place, as where something is, whither or whence one goes; `wide`, a town or country too."""
    words = maker.lexicon.words
    point = maker.random.random()
    if wide and point < 0.12:
        return city(maker, way)
    if wide and point < 0.18:
        return country(maker, way)
    if point < 0.45:
        row = words["fixed_places"][maker.one(maker.lexicon.choices["destination_phrases"])]
        return Adverbial(row[way], row[way + 1], row[0])
    return room(maker, way, maker.lexicon.choices["destinations"])


def outside(maker: Maker) -> Adverbial:
    """Where there is weather."""
    words = maker.lexicon.words
    kind = maker.one(("city", "city", "country", "here"))
    if kind == "here":
        fixed = words["fixed_places"]
        here = (
            ("hier", "here"),
            ("draußen", "outside"),
            fixed["mountains"][:2],
            fixed["seaside"][:2],
        )
        german, english = maker.one(here)
        return Adverbial(german, english, german)
    return city(maker) if kind == "city" else country(maker)


def everyday(maker: Maker) -> Adverbial:
    """Where people do all kinds of things."""
    words, choices, point = maker.lexicon.words, maker.lexicon.choices, maker.random.random()
    if point < 0.12:
        return city(maker)
    if point < 0.3:
        row = words["fixed_places"][maker.one(choices["everyday_phrases"])]
        return Adverbial(row[WHERE], row[WHERE + 1], row[0])
    if point < 0.42:
        here = maker.one(choices["everyday_here"])
        return Adverbial(here, words["here"][here][0], here)
    return room(maker, WHERE, choices["everyday"])


def dwelling(maker: Maker) -> Adverbial:
    """Where one lives."""
    choices, point = maker.lexicon.choices, maker.random.random()
    if point < 0.4:
        return city(maker)
    if point < 0.55:
        return country(maker)
    if point < 0.65:
        here = maker.one(("hier", "dort", "nebenan", "auf dem Land"))
        return Adverbial(here, maker.lexicon.words["here"][here][0], here)
    return room(
        maker, WHERE, choices["dwellings"], articles=(("ein", 3.0), ("der", 1.5), ("dies", 1.0))
    )


ARTICLES = (("der", 9.0), (OWN, 1.5), ("dies", 1.0), ("ein", 1.0))


def room(
    maker: Maker,
    way: int,
    names: list[str] | None = None,
    *,
    articles: tuple[tuple[str, float], ...] = ARTICLES,
) -> Adverbial:
    """A place that is a noun, with the preposition that goes with it; one of `names`, or any."""
    word = maker.one(names or list(maker.lexicon.words["places"]))
    row, noun = maker.lexicon.words["places"][word], maker.lexicon.by_name[word]
    determiner = maker.weighted(articles)
    owner = maker.one(("ich", "du", "wir"))
    phrase = nominal(noun, "der" if "single" in noun.classes else determiner, owner=owner)
    preposition, english = row[way], row[way + 1]
    case = "dat" if way != WHITHER or preposition in DATIVE else "acc"
    text = german.joined(preposition, phrase.german(case))
    return Adverbial(text, f"{english} {phrase.object}", word)


def city(maker: Maker, way: int = WHERE) -> Adverbial:
    """In, to or from a town."""
    word, english = maker.one(list(maker.lexicon.words["cities"].items()))
    first, other = {WHERE: ("in", "in"), WHITHER: ("nach", "to"), WHENCE: ("aus", "from")}[way]
    return Adverbial(f"{first} {word}", f"{other} {english}", word)


def country(maker: Maker, way: int = WHERE) -> Adverbial:
    """In, to or from a country; some have an article: in die Schweiz, nach Italien."""
    word, english = maker.one(list(maker.lexicon.words["countries"].items()))
    other = {WHERE: "in", WHITHER: "to", WHENCE: "from"}[way]
    first = {WHERE: "in", WHITHER: "nach", WHENCE: "aus"}[way]
    article, space, bare = word.partition(" ")
    if not space:
        return Adverbial(f"{first} {word}", f"{other} {english}", word)
    gender = "p" if bare in {"USA", "Niederlande"} else {"die": "f", "der": "m"}.get(article, "n")
    case = "acc" if way == WHITHER else "dat"
    first = "in" if way == WHITHER else first
    text = german.joined(first, f"{german.article('der', gender, case)} {bare}")
    return Adverbial(text, f"{other} {english}", word)


def surface(maker: Maker, way: int = WHERE) -> Adverbial:
    """Where a thing lies, or is put: on the table, in the cupboard."""
    word, (preposition, english) = maker.one(list(maker.lexicon.words["surfaces"].items()))
    phrase = nominal(maker.lexicon.by_name[word], "der")
    text = german.joined(preposition, phrase.german("acc" if way == WHITHER else "dat"))
    return Adverbial(text, f"{english} {phrase.object}", word)
