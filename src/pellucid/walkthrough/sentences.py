"""What one number of a run is, in a sentence: "Block 2, head 1: ' heaven' looks 15.7% at ' God'."

The words stand in `words/why.en.toml`, by the layer that makes the value and its name there; every
figure in them is read off the run.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from pellucid.tape import Tape
from pellucid.tape.select import picked
from pellucid.walkthrough.filling import Filling
from pellucid.walkthrough.scope import Scope
from pellucid.walkthrough.seats import Seats, Spell, by_letter, is_made
from pellucid.walkthrough.walkthrough import Labels
from pellucid.words import ENGLISH, figure, phrasebook


class Sentences:
    """Says what the numbers of a tape are; `labels` are those of a walkthrough through it."""

    def __init__(
        self,
        tape: Tape,
        labels: Callable[[str], Sequence[Labels]] = lambda _: (),
        spell: Spell | None = None,
        *,
        language: str = ENGLISH,
    ) -> None:
        self.tape = tape
        self.book = phrasebook(language, "why")
        self._scope = Scope(tape)
        self.seats = Seats(self._scope, self.book, labels, spell)
        self._filling = Filling(self.seats, self.book, spell)

    def of(self, expression: str) -> str:
        """One number, asked for by its name and index, in a sentence that ends with a full stop."""
        name, index = self.asked(expression)
        owner, _, last = name.rpartition(".")
        if is_made(name):
            return self._made(owner, last, name, index)
        value, use = self.seats.differentiated(name)
        if value is not None:
            return self._gradient(name, value, index, use)
        where = self._where(name, index)
        figures = self._filling.of(name, index)
        whole = self._said(name, figures, ".says")
        return _sentence(where, whole or self._noun(name, index, figures))

    def short(self, expression: str) -> str:
        """What a number is, without block and head, for a line beside its value."""
        name, index = self.asked(expression)
        value, use = self.seats.differentiated(name)
        if value is not None:
            this = self._noun(value, index, self._filling.of(value, index))
            through = {} if use is None else {"part": self._filling.part(use, "name", {})}
            return self.book.first("gradient.short", {"this": this, **through})
        return self._noun(name, index, self._filling.of(name, index))

    def effect(self, expression: str) -> str:
        """What the loss would do if the number grew; "" for one that has no gradient."""
        name, index = self.asked(expression)
        gradient = f"d{name}"
        if (
            gradient not in self.tape
            or self.tape.value(gradient).shape != self.tape.value(name).shape
        ):
            return ""
        return self._gradient(gradient, name, index, None, this="this number")

    # -- kinds of numbers ---------------------------------------------------------------------

    def _made(self, parameter: str, last: str, name: str, index: tuple[int, ...]) -> str:
        """What an optimizer made of one number of a parameter."""
        this = self._noun(parameter, index, self._filling.of(parameter, index))
        number = float(self.tape.value(name)[index])
        text = self.book.first(f"step.{last}", {"this": this, "value": figure(number)})
        return _sentence(self._where(parameter, index), text)

    def _gradient(
        self, name: str, value: str, index: tuple[int, ...], use: str | None, this: str = ""
    ) -> str:
        """What the loss does if a value grows; `use` is the layer that alone is counted."""
        number = float(self.tape.value(name)[index])
        goal = "goal" if "loss" in self.seats.kinds else "other_goal"
        where = ""
        if not this:
            this = self._noun(value, index, self._filling.of(value, index))
            where = self._where(value, index)
        alone = (
            ""
            if use is None
            else self.book.first("gradient.alone", {"part": self._filling.part(use, "name", {})})
        )
        figures = {
            "this": f"{this}," if ", " in this else this,
            "alone": alone,
            "size": figure(abs(number)),
            "goal": self.book.first(f"gradient.{goal}", {}),
        }
        kind = "grows" if number > 0 else "falls" if number < 0 else "nothing"
        text = self.book.first(
            f"gradient.{kind if math.isfinite(number) else 'no_number'}", figures
        )
        return _sentence(where, text)

    # -- words --------------------------------------------------------------------------------

    def _noun(self, name: str, index: Sequence[int], figures: Mapping[str, str]) -> str:
        """What a number is, such as "the query of ' God': channel 5 of what it is looking for"."""
        replaced = self.seats.replaced(name)
        if replaced is not None:
            this = self._noun(replaced, index, self._filling.of(replaced, tuple(index)))
            return self.book.first(f"by_hand.{name.rpartition('.')[-1]}", {**figures, "this": this})
        said = self._said(name, figures, ".is") or self._said(name, figures, "")
        if said:
            return said
        key = ("one", "row")[len(index)] if len(index) < 2 else "cell"
        return self.book.first(f"unknown.{key}", {**figures, "path": name})

    def _said(self, name: str, figures: Mapping[str, str], ending: str) -> str:
        """The words of the outermost layer that has some for a value; "" where none has."""
        for key in self._keys(name):
            text = self.book.first(key + ending, figures)
            if text:
                return text
        return ""

    def _keys(self, name: str) -> Iterator[str]:
        """Where the words for a value may stand, the outermost layer's first."""
        made = self.tape.shown_by(name)
        owns = []
        for call in [made] if made is not None else self._scope.readers(name):
            for one in self._scope.around(call):
                for own in self._scope.own_names(one, name):
                    yield f"{one.function.__name__}.{own}"
                    owns.append(own)
        parts = name.split(".")
        yield from (f"any.{own}" for own in (*owns, ".".join(parts[-2:]), parts[-1]))

    def _where(self, name: str, index: Sequence[int]) -> str:
        """Block and head of a number, in words."""
        seats = by_letter(self.seats.of(name, tuple(index)))
        parts = name.split(".")
        figures: dict[str, tuple[str, str]] = {}
        if "B" in seats:
            figures["text"] = "text", f"{seats['B'].place}"
        for short, key in (("enc", "encoder"), ("dec", "decoder")):
            if short in parts[:2]:
                figures[key] = key, ""
        block = re.search(r"(?:^|\.)h\.(\d+)\.", name)
        if block:
            figures["block"] = "block", block[1]
        if "cross" in parts:
            figures["cross"] = "cross", ""
        for letter, key in (("H", "head"), ("G", "shared")):
            if letter in seats:
                figures[key] = key, f"{seats[letter].place}"
        return ", ".join(
            self.book.first(f"where.{key}", {word: number})
            for key, (word, number) in figures.items()
        )

    def asked(self, expression: str) -> tuple[str, tuple[int, ...]]:
        """Name and index of one number."""
        name = expression.partition("[")[0].strip()
        places = picked(expression, self.tape.value(name).shape)
        assert all(isinstance(place, int) for place in places), "one number is asked for"
        return name, tuple(place for place in places if isinstance(place, int))


def _sentence(where: str, text: str) -> str:
    """Place and words as a sentence: a capital in front, and a full stop behind."""
    whole = f"{where}: {text}" if where else text
    whole = whole if whole.endswith(".") else f"{whole}."
    return whole[:1].upper() + whole[1:]
