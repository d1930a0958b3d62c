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


def when(maker: Maker, tense: str, *, exact: bool = True, once: bool = False) -> Adverbial:
    """A time that goes with past, now, habit or future; not `exact`, neither hour nor date.

    What is `once` is not said of a habit: tomorrow, at eight, but not in the evening.
    """
    words = maker.lexicon.times["once" if once else tense]
    if tense != "now" and (not words or maker.chance(0.55)):
        return _made(maker, tense, exact=exact, once=once)
    german, english = maker.one(words)
    while german in AT_FRONT:
        german, english = maker.one(words)
    return Adverbial(german, english, german)


def _made(maker: Maker, tense: str, *, exact: bool, once: bool) -> Adverbial:
    kinds = [("day", 3.0), ("month", 1.0), ("span", 2.0)]
    if exact and tense != "habit":
        kinds += [("clock", 2.0), ("date", 0.7)]
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
        if once or (tense in {"past", "future"} and maker.chance(0.4)):
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


def day(maker: Maker, tense: str) -> Adverbial:
    """A day or a part of one, past or future: gestern, morgen Abend, nächsten Montag."""
    if maker.chance(0.6):
        german, english = maker.one(maker.lexicon.words["near_days"][tense])
        return Adverbial(german, english, german)
    name, english = maker.one(list(maker.lexicon.words["days"].items()))
    if maker.chance(0.3):
        word = OF_TENSE[tense]
        return Adverbial(f"{word}en {name}", f"{ENGLISH[word]} {english}", name)
    return Adverbial(f"am {name}", f"on {english}", name)


def detailed(maker: Maker, tense: str) -> Adverbial:
    """A day with an hour, past or future: morgen um halb neun, am Montag gegen Mittag."""
    hour = about(maker) if maker.chance(0.3) else clock(maker)
    if maker.chance(0.3):
        return hour
    when_ = day(maker, tense)
    if when_.german.endswith(("Abend", "Nachmittag", "früh", "Morgen", "Mittag")):
        hour = whole_hour(maker, when_.german.split()[-1])
    return Adverbial(f"{when_.german} {hour.german}", f"{when_.english} {hour.english}", when_.key)


PART_HOURS = {
    "Morgen": (6, 10),
    "früh": (6, 10),
    "Mittag": (12, 13),
    "Nachmittag": (2, 5),
    "Abend": (6, 10),
}
"""From when to when a part of the day is."""


def whole_hour(maker: Maker, part: str) -> Adverbial:
    """An hour, or half past, of a part of the day."""
    low, high = PART_HOURS[part]
    hour = low + int(maker.random.random() * (high - low + 1))
    minute = maker.one((0, 0, 30))
    german = german_clock(hour, minute, spoken=True) + (" Uhr" if not minute else "")
    german = "ein Uhr" if german == "eins Uhr" else german
    english = english_clock(hour, minute, spoken=bool(minute))
    return Adverbial(f"um {german}", f"at {english}", "clock")


def about(maker: Maker) -> Adverbial:
    """Near a time of the day, before or after it: gegen Mittag, nach acht Uhr."""
    if maker.chance(0.3):
        german, english = maker.one(maker.lexicon.words["near_days"]["about"])
        return Adverbial(german, english, german)
    hour = 1 + int(maker.random.random() * 12)
    german, english = (f(hour, 0, spoken=False) for f in (german_clock, english_clock))
    first, other = maker.one((("gegen", "at about"), ("vor", "before"), ("nach", "after")))
    return Adverbial(f"{first} {german}", f"{other} {english}", first)


def from_to(maker: Maker, *, past: bool) -> Adverbial:
    """From when to when, or until: von acht bis zehn, von Montag bis Freitag, bis Freitag."""
    kind = maker.one(("hours", "days", "until", "until hour", *(() if past else ("from",))))
    names = list(maker.lexicon.words["days"].items())
    if kind in {"hours", "until hour"}:
        first = 1 + int(maker.random.random() * 8)
        last = first + 1 + int(maker.random.random() * 4)
        spoken = maker.chance(0.5)
        (one, other), (this, that) = (
            (german_clock(hour, 0, spoken=spoken), english_clock(hour, 0, spoken=spoken))
            for hour in (first, last)
        )
        if kind == "until hour":
            return Adverbial(f"bis {this}", f"until {that}", "until")
        one = "ein" if one == "ein Uhr" else one.removesuffix(" Uhr")
        one = "eins" if one == "ein" else one
        other = other.removesuffix(" o'clock")
        return Adverbial(f"von {one} bis {this}", f"from {other} to {that}", "from")
    place = int(maker.random.random() * 6)
    later = place + 1 + int(maker.random.random() * (6 - place))
    (one, other), (this, that) = names[place], names[later]
    if kind == "days":
        return Adverbial(f"von {one} bis {this}", f"from {other} to {that}", "from")
    if kind == "from":
        return Adverbial(f"ab {one}", f"from {other}", "ab")
    return Adverbial(f"bis {this}", f"until {that}", "until")


def how_long(maker: Maker) -> Adverbial:
    """For how long something went on: zwei Stunden, eine Woche lang."""
    kind = maker.one(("feminine_spans", "spans"))
    one, many, english = maker.one(maker.lexicon.choices[kind])
    number = maker.one((1, 2, 2, 3, 3, 4, 5, 6, 10))
    if number == 1:
        article = "eine" if kind == "feminine_spans" else "ein" if one == "Jahr" else "einen"
        text = "an hour" if english == "hour" else f"a {english}"
        return Adverbial(f"{article} {one} lang", f"for {text}", one)
    plural = many if kind == "feminine_spans" else many.removesuffix("n")
    return Adverbial(
        f"{german_number(number)} {plural} lang", f"for {english_number(number)} {english}s", one
    )


def repeated(maker: Maker) -> Adverbial:
    """How often, with a number or a day: zweimal in der Woche, jeden Montag, montags."""
    words = maker.lexicon.words
    kind = maker.one(("times", "times", "day", "days", "word"))
    if kind == "times":
        number, often = maker.one(list(words["times_over"].items()))
        span_, english = maker.one(words["near_days"]["in_a"])
        return Adverbial(f"{number} {span_}", f"{often} {english}", number)
    name, english = maker.one(list(words["days"].items()))
    if kind == "day":
        return Adverbial(f"jeden {name}", f"every {english}", name)
    if kind == "days":
        return Adverbial(f"{name.lower()}s", f"on {english}s", f"{name}s")
    german, text = maker.one(maker.lexicon.times["habit"])
    return Adverbial(german, text, german)
