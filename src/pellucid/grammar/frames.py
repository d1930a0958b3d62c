"""Frames: who does a verb, and to what. `person / acc:food` is somebody who eats something."""

from typing import NamedTuple

from pellucid.grammar.tables import NONE

KINDS = ("acc", "dat", "prep", "place", "direction", "zu", "dass", "ob", "name", "adj")
"""What a verb may want beside its subject."""


class Slot(NamedTuple):
    """One thing that a verb wants: its kind, prepositions in both languages, and what fits."""

    kind: str
    case: str
    german: str
    english: str
    classes: tuple[str, ...]


class Frame(NamedTuple):
    """Who does it, to what, and what is to be known of it besides."""

    subjects: tuple[str, ...]
    slots: tuple[Slot, ...]
    marks: frozenset[str]


def parse_frame(text: str) -> Frame:
    """A frame as the table of verbs writes it; `ValueError` says what is wrong with it.

    >>> frame = parse_frame("person / dat:person; prep:auf+acc=for:event | state")
    >>> frame.subjects, sorted(frame.marks), frame.slots[1].case, frame.slots[1].english
    (('person',), ['state'], 'acc', 'for')
    """
    before, _, marks = text.partition("|")
    subjects, slash, objects = before.partition("/")
    if not slash:
        raise ValueError(f"must be SUBJECTS / OBJECTS, not {text!r}")
    items = [item.strip() for item in objects.split(";")]
    return Frame(
        listed(subjects),
        tuple(_slot(item) for item in items if item not in {"", NONE}),
        frozenset(listed(marks)),
    )


def _slot(item: str) -> Slot:
    kind, _, rest = item.partition(":")
    kind, _, english = kind.partition("=")
    german, case = "", kind
    if kind == "prep":
        head, _, rest = rest.partition(":")
        head, _, english = head.partition("=")
        german, plus, case = head.partition("+")
        if not plus or case not in {"acc", "dat", "gen"}:
            raise ValueError(f"must be prep:GERMAN+CASE=ENGLISH:CLASSES, not {item!r}")
    elif "=" in rest:
        rest, _, english = rest.partition("=")
    if kind not in KINDS:
        raise ValueError(f"must have objects that are one of {', '.join(KINDS)}, not {item!r}")
    return Slot(kind, case, german, english.strip(), listed(rest))


def listed(text: str) -> tuple[str, ...]:
    """The words of a cell, with commas between."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
