"""When something is: words of the tables, days, months, clock times, how long ago."""

from pellucid.grammar.counting import (
    english_clock,
    english_number,
    english_ordinal,
    german_clock,
    german_number,
    german_ordinal,
)
from pellucid.grammar.making import Maker
from pellucid.grammar.meaning import Adverbial

PARTS = (
    ("Morgen", "in the morning"),
    ("Nachmittag", "in the afternoon"),
    ("Abend", "in the evening"),
)

AT_FRONT = {"plötzlich"}
"""What English would not put behind its verb."""

LAST, NEXT, EVERY = "letzt", "nächst", "jed"
ENGLISH = {LAST: "last", NEXT: "next", EVERY: "every"}
OF_TENSE = {"past": LAST, "future": NEXT, "habit": EVERY}


def when(maker: Maker, tense: str, *, exact: bool = True) -> Adverbial:
    """A time that goes with past, now, habit or future; not `exact`, neither hour nor date."""
    words = maker.lexicon.times[tense]
    if tense != "now" and (not words or maker.chance(0.55)):
        return _made(maker, tense, exact=exact)
    german, english = maker.one(words)
    while german in AT_FRONT:
        german, english = maker.one(words)
    return Adverbial(german, english, german)


def _made(maker: Maker, tense: str, *, exact: bool) -> Adverbial:
    kinds = [("day", 3.0), ("month", 1.0), ("span", 2.0)]
    if exact:
        kinds += [("clock", 2.0), ("date", 0.0 if tense == "habit" else 0.7)]
    kind = maker.weighted(kinds)
    words = maker.lexicon.words
    if kind == "clock":
        return clock(maker)
    if kind == "day":
        day, english = maker.one(list(words["days"].items()))
        if maker.chance(0.35) or tense == "habit":
            word = OF_TENSE[tense]
            return Adverbial(f"{word}en {day}", f"{ENGLISH[word]} {english}", day)
        if maker.chance(0.3):
            part, _ = maker.one(PARTS)
            english_part = {"Morgen": "morning", "Nachmittag": "afternoon"}.get(part, "evening")
            return Adverbial(f"am {day}{part.lower()}", f"on {english} {english_part}", day)
        return Adverbial(f"am {day}", f"on {english}", day)
    if kind == "month":
        month, english = maker.one([*words["months"].items(), *words["seasons"].items()])
        season = month in words["seasons"]
        if tense in {"past", "future"} and maker.chance(0.4):
            word = OF_TENSE[tense]
            return Adverbial(f"{word}en {month}", f"{ENGLISH[word]} {english}", month)
        return Adverbial(f"im {month}", f"in {english}", "Sommer" if season else month)
    if kind == "date":
        german, english = date(maker)
        return Adverbial(f"am {german}", f"on {english}", "date")
    if tense == "habit":
        part, english = maker.one(PARTS)
        return Adverbial(f"am {part}", english, part)
    german, english = span(maker, exact=exact)
    if tense == "past":
        return Adverbial(f"vor {german}", f"{english} ago", "ago")
    return Adverbial(f"in {german}", f"in {english}", "in")


def span(maker: Maker, *, exact: bool = True) -> tuple[str, str]:
    """A length of time, German in the dative: drei Jahren, three years. Not `exact`, some days."""
    kinds = ("feminine_spans", "spans") if exact else ("spans",)
    kind = maker.one(kinds)
    one, many, english = maker.one(maker.lexicon.choices[kind])
    number = maker.one((1, 2, 2, 3, 3, 4, 5, 6, 8, 10))
    if number == 1:
        article = "einer" if kind == "feminine_spans" else "einem"
        return f"{article} {one}", "an hour" if english == "hour" else f"a {english}"
    return f"{german_number(number)} {many}", f"{english_number(number)} {english}s"


def date(maker: Maker) -> tuple[str, str]:
    """A day of a month, German in the dative: dritten Mai, the third of May."""
    month, english = maker.one(list(maker.lexicon.words["months"].items()))
    day = 1 + int(maker.random.random() * (28 if month == "Februar" else 30))
    return f"{german_ordinal(day)}en {month}", f"the {english_ordinal(day)} of {english}"


def clock(maker: Maker) -> Adverbial:
    """At a time of the day."""
    german, english = clock_words(maker)
    return Adverbial(f"um {german}", f"at {english}", "clock")


def clock_words(maker: Maker) -> tuple[str, str]:
    """A time of the day as it is said, half of them in full hours."""
    if maker.chance(0.45):
        hour, minute, spoken = 1 + int(maker.random.random() * 12), 0, False
    elif maker.chance(0.8):
        hour = 1 + int(maker.random.random() * 12)
        minute, spoken = maker.one((30, 30, 15, 45, 5, 10, 20, 50, 55)), True
    else:
        hour, minute, spoken = 13 + int(maker.random.random() * 10), maker.one((0, 30, 15)), False
    return (
        german_clock(hour, minute, spoken=spoken),
        english_clock(hour, minute, spoken=spoken),
    )
