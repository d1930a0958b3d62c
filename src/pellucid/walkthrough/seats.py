"""What stands at the places of a value: tokens, heads, channels, by the letters of its shape."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pellucid.tape import Tape
from pellucid.walkthrough.scope import Scope
from pellucid.walkthrough.walkthrough import Labels
from pellucid.words import Phrasebook, quoted

Spell = Callable[[int], str]
"""A token as one can read it."""

TEXTS = {"T": "tokens", "S": "tokens", "N": "source"}
"""Of the letters of positions, what on a tape says which tokens stand there."""


class Seat(NamedTuple):
    """One axis of a number's index: its letter, the place along it, and what stands there."""

    letter: str  # "B" of a batch, "" where the layer does not say
    place: int
    token: str | None = None  # in quotes; None where nothing has a name


class Seats:
    """Says of each number of a tape what it is about; `labels` are those of a walkthrough."""

    def __init__(
        self,
        scope: Scope,
        book: Phrasebook,
        labels: Callable[[str], Sequence[Labels]] = lambda _: (),
        spell: Spell | None = None,
    ) -> None:
        self.tape: Tape = scope.tape
        self._scope, self._book, self._labels, self._spell = scope, book, labels, spell
        self._known: dict[str, tuple[tuple[str, ...], tuple[Labels, ...]]] = {}
        self.kinds = {name.rpartition(".")[-1] for name in self.tape}
        self.reads_text = bool({"tokens", "source", "windows"} & self.kinds)

    def of(self, name: str, index: Sequence[int]) -> list[Seat]:
        """What stands at each place of an index into a value, or into its gradient."""
        letters, labels = self._axes(name)
        first = index[0] if letters[:1] == ("B",) else 0
        found = []
        for letter, own, place in zip(letters, labels, index, strict=True):
            token = None
            if own is not None and place < len(own) and not (first and letter != "V"):
                token = own[place] or None
            elif self._spell is not None and letter == "V":
                token = self._spell(place)
            found.append(
                Seat(letter, place, None if token is None else self._quoted(own, token, place))
            )
        return found

    def said(self, seat: Seat) -> str:
        """A seat in words: its token, or which position, row or class it is."""
        if seat.token is not None:
            return seat.token
        key = {"N": "T"}.get(seat.letter, seat.letter)
        if key == "T" and "windows" in self.kinds:
            key = "window"
        elif not self.reads_text:
            key = {"T": "row", "S": "row", "V": "class"}.get(key, key)
        return self._book.first(f"place.{key}", {"place": f"{seat.place}"})

    def _quoted(self, own: Labels, token: str, place: int) -> str:
        """A token in quotes; of several alike, with its position."""
        text = quoted(token)
        if own is None or own.count(token) < 2:
            return text
        again = {"token": text, "place": f"{place}"}
        return self._book.first("place.again", again)

    def _axes(self, name: str) -> tuple[tuple[str, ...], tuple[Labels, ...]]:
        """The letters of a value's axes, and the labels of each."""
        if name not in self._known:
            value = self.tape.value(name)
            size = value.dim()
            meaning = self._scope.meaning(self._scope.value_of(name))
            own = () if meaning is None or len(meaning.letters) > size else meaning.letters
            letters = ("B",) * (size - len(own)) + own if own else ("",) * size
            given = tuple(self._labels(name))
            labels = (None,) * (size - len(given)) + given if len(given) <= size else given[-size:]
            self._known[name] = letters, labels
        return self._known[name]


def by_letter(seats: Sequence[Seat]) -> Mapping[str, Seat]:
    """The seats by their letters."""
    return {seat.letter: seat for seat in seats if seat.letter}
