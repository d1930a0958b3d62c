"""What stands at the places of a value: tokens, heads, channels, by the letters of its shape."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pellucid.models.intervening import BESIDE
from pellucid.tape import Tape
from pellucid.walkthrough.names import INTERVENTIONS, MOMENTS, SUBSCRIPTS, UPDATES
from pellucid.walkthrough.scope import Scope
from pellucid.walkthrough.steps import PARAMETERS
from pellucid.walkthrough.walkthrough import Labels
from pellucid.words import Phrasebook, quoted

Spell = Callable[[int], str]
"""A token as one can read it."""

BY_HAND = {row.pattern for row in INTERVENTIONS}
"""What stands beside an activation that was set by hand."""

MADE = {row.pattern for row in (*UPDATES, *MOMENTS)}
"""What an optimizer makes of a parameter, or is given, under the parameter's name."""


class Seat(NamedTuple):
    """One axis of a number's index: its letter, the place along it, and what stands there."""

    letter: str  # "B" of a batch, "" where the layer does not say
    place: int
    token: str | None = None  # in quotes; None where nothing has a name
    again: bool = False  # whether the same token stands at other places too

    @property
    def short(self) -> str:
        """Token or place, for an index; of several tokens alike each with its position."""
        if self.token is None:
            return f"{self.place}"
        return self.token + f"{self.place}".translate(SUBSCRIPTS) * self.again


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
            again = own is not None and token is not None and own.count(token) > 1
            found.append(Seat(letter, place, None if token is None else quoted(token), again))
        return found

    def said(self, seat: Seat) -> str:
        """A seat in words: its token, or which position, row or class it is."""
        if seat.token is not None:
            again = {"token": seat.token, "place": f"{seat.place}"}
            return self._book.first("place.again", again) if seat.again else seat.token
        key = {"N": "T"}.get(seat.letter, seat.letter)
        if key == "T" and "windows" in self.kinds:
            key = "window"
        elif not self.reads_text:
            key = {"T": "row", "S": "row", "V": "class"}.get(key, key)
        return self._book.first(f"place.{key}", {"place": f"{seat.place}"})

    def replaced(self, name: str) -> str | None:
        """Of what stands beside an activation that was set by hand, the activation's own name."""
        path, _, last = name.rpartition(".")
        if f"{BESIDE}.{last}" not in BY_HAND or path.rpartition(".")[-1] != BESIDE:
            return None
        return next((call.inputs["x"] for call in self._scope.at(path)), None)

    def differentiated(self, name: str) -> tuple[str | None, str | None]:
        """Of a gradient the value that it is by, and the layer whose use of it alone counts."""
        call = self.tape.shown_by(name)
        if call is None or not call.backward or not name.startswith("d"):
            return None, None
        value = name.removeprefix("d")
        if value in self.tape:
            return value, None
        path, _, word = value.rpartition(".")
        for made in self._scope.at(path):
            given = made.inputs.get(word)
            if given is not None:
                return given, path
        return None, None

    def _axes(self, name: str) -> tuple[tuple[str, ...], tuple[Labels, ...]]:
        """The letters of a value's axes, and the labels of each."""
        if name not in self._known:
            size = self.tape.value(name).dim()
            owner, _, _ = name.rpartition(".")
            of = owner if is_made(name) else self.differentiated(name)[0] or name
            of = self.replaced(of) or of
            meaning = self._scope.meaning(of)
            own = () if meaning is None or len(meaning.letters) > size else meaning.letters
            letters = ("B",) * (size - len(own)) + own if own else ("",) * size
            given = tuple(self._labels(of))
            labels = (None,) * (size - len(given)) + given if len(given) <= size else given[-size:]
            self._known[name] = letters, labels
        return self._known[name]


def is_made(name: str) -> bool:
    """Whether an optimizer made a value, or was given it, under the name of a parameter."""
    owner, _, last = name.rpartition(".")
    return last in MADE and owner.endswith(PARAMETERS)


def by_letter(seats: Sequence[Seat]) -> Mapping[str, Seat]:
    """The seats by their letters."""
    return {seat.letter: seat for seat in seats if seat.letter}
