"""What the numbers in an arithmetic are called by readers: x['rocks', 3], largest score.

The names are those of the layer's equations, with tokens for indices. What the code notes on the
way has none of its own here, unless `words/why.en.toml` has one for it.
"""

from collections.abc import Iterator, Sequence

from pellucid.explain import Explanation
from pellucid.numbers import Term
from pellucid.tape import Call
from pellucid.walkthrough.scope import below
from pellucid.walkthrough.seats import Seat, by_letter
from pellucid.walkthrough.sentences import Sentences

PLAIN = {"out", "x", "weight", "bias", "lora_a", "lora_b"}
"""Names that say little without the layer's."""


class TermNames:
    """Names for the numbers behind one that was explained."""

    def __init__(self, sentences: Sentences, found: Explanation) -> None:
        self._seats, self._book = sentences.seats, sentences.book
        self._words = set(_words(found.call))
        name, index = sentences.asked(found.name)
        self._asked = by_letter(self._seats.of(name, index))
        self.asked = _with_seats(_base(name), [_own(seat) for seat in self._seats.of(name, index)])

    def of(self, term: Term) -> str | None:
        """A term's name; None for one that is to be written out, or is a figure."""
        if not term.operation:
            return self._given(term) if term.label else None
        if is_count(term):
            return self._book.first("helpers.counted", {})
        if _is_row(term):
            return self._largest(term)
        word = self._book.first(f"helpers.{term.name}", {}) if term.name else ""
        return word or None

    def _given(self, term: Term) -> str:
        """What came from the tape, or a setting."""
        if term.tape_name is None:
            return (term.name or "").replace("_", " ")
        seats = self._seats.of(term.tape_name, term.place)
        word = term.name if term.name in self._words else term.tape_name
        return _with_seats(_base(word), [self._other(one) for one in seats])

    def _largest(self, term: Term) -> str:
        """The largest of a row."""
        first = term.operands[0]
        *row, _ = self._seats.of(first.tape_name or "", first.place)
        word = self._book.first("helpers.largest", {})
        return _with_seats(word, [self._other(seat) for seat in row if not self._same(seat)])

    def _other(self, seat: Seat) -> str:
        """A seat in an index; nothing for a text or a head that is the asked number's own."""
        if seat.letter in {"B", "H", "G"} and self._same(seat):
            return ""
        return _own(seat)

    def _same(self, seat: Seat) -> bool:
        """Whether the number that was asked for has the same seat."""
        asked = self._asked.get(seat.letter)
        return asked is not None and asked.place == seat.place


def _words(call: Call | None) -> Iterator[str]:
    """What the equations of a call, and of the one that it undoes, may call a value."""
    for one in (call, call.undoes) if call is not None else ():
        if one is not None:
            yield from one.inputs
            for name in one.outputs:
                yield str(below(name, one.path))


def _own(seat: Seat) -> str:
    """A seat in an index: a token, or a place."""
    kinds = {"B": "text ", "H": "head ", "G": "key-value head "}
    return "" if seat.letter == "1" else kinds.get(seat.letter, "") + seat.short


def _base(name: str) -> str:
    """A value's name without the path of its layer: att, c_fc.weight, datt."""
    path, _, last = name.rpartition(".")
    gradient = "d" if name.startswith("d") and path and not path.startswith("dec.") else ""
    layer = path.rpartition(".")[-1].removeprefix("" if "." in path else gradient)
    plain = last in PLAIN and layer and not layer.isdecimal()
    return gradient + (f"{layer}.{last}" if plain else last)


def _with_seats(name: str, seats: Sequence[str]) -> str:
    shown = ", ".join(seat for seat in seats if seat)
    return f"{name}[{shown}]" if shown else name


def is_count(term: Term) -> bool:
    """Whether a term says whether a condition holds, or how many do."""
    conditions = term.operands if term.operation == "sum" else (term,)
    return all(isinstance(one.value, bool) for one in conditions)


def _is_row(term: Term) -> bool:
    """Whether a term is the largest of a row of one value."""
    first = term.operands[0]
    return (
        term.operation == "max"
        and first.tape_name is not None
        and all(one.tape_name == first.tape_name for one in term.operands)
    )
