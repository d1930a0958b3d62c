"""What the names in a layer's equations mean in a recorded call, and how a step writes them.

A layer's equations are in its own words: `x`, `weight`, `out`. A step of a walk shows the values of
several calls, and there each has the name that it has on the tape, as far as the step needs it:
`c_attn.out = x c_attn.weight + c_attn.bias`.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pellucid.layers.facts import Equation, Meaning, facts_of
from pellucid.tape import Call, Tape, leaves_of

_NAME = re.compile(
    r"\{(?P<braced>\w+)\}|\b(?!(?:where|else)\b)(?P<plain>[A-Za-z_]\w*(?:\.\w+)*)(?!\w*\()",
    re.ASCII,
)

NOTATION = ("where", "else")
"""Words of the notation: a value of such a name is written out in full."""


class Written(NamedTuple):
    """An equation as a step shows it, and what the names in it mean.

    `names` gives the tape's name of each value, and `numbers` the settings and sizes.
    """

    text: str
    names: Mapping[str, str]
    numbers: Mapping[str, float]
    made: str  # the tape's name of what it makes
    call: Call  # whose layer says it
    said: Equation  # as the layer says it


class Scope:
    """The calls of a tape, and who belongs to whom."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._at: dict[str, list[Call]] = {}
        self._reading: dict[str, list[Call]] = {}
        for call in tape.begun:
            if not call.backward:
                self._at.setdefault(call.path, []).append(call)
            for name in dict.fromkeys(call.inputs.values()):
                self._reading.setdefault(name, []).append(call)
        self._leaves: dict[int, dict[str, Any]] = {}
        self._meanings: dict[str, Meaning | None] = {}
        self._names: dict[int, list[str]] = {}
        for name in tape:
            self._names.setdefault(id(tape.value(name)), []).append(name)

    def undone(self, call: Call) -> Call:
        """Of a backward the forward that it undoes; of a forward itself."""
        return call.undoes or call

    def at(self, path: str) -> Sequence[Call]:
        """The forward calls at a path, in the order in which they began."""
        return self._at.get(path, ())

    def readers(self, name: str) -> Sequence[Call]:
        """The calls that were given a value of this name."""
        return self._reading.get(name, ())

    def around(self, call: Call) -> list[Call]:
        """The call and those that it runs in, the outermost first."""
        found: list[Call] = []
        inner: Call | None = call
        while inner is not None:
            found.insert(0, inner)
            inner = inner.outer
        return found

    def meaning(self, name: str) -> Meaning | None:
        """What a value means, made or given: by the outermost layer that has a word for it."""
        if name not in self._meanings:
            self._meanings[name] = self._meaning(name)
        return self._meanings[name]

    def _meaning(self, name: str) -> Meaning | None:
        made = self.tape.shown_by(name)
        for call in [made] if made is not None else self.readers(name):
            for one in self.around(call):
                for own in self.own_names(one, name):
                    if own in facts_of(one.function).values:
                        return facts_of(one.function).values[own]
        return None

    def written(
        self, call: Call, prefix: str, wanted: Collection[str] | None = None
    ) -> Iterator[Written]:
        """The equations that hold for a call, in the names of a step whose values begin so.

        `wanted` are the tape's names of the values that they are to make, if not of all.
        """
        leaves = self._given(call)
        for equation in facts_of(call.function).equations:
            if not equation.holds(leaves):
                continue
            text = equation.written(leaves)
            made = self.resolve(call, _NAME.match(text)["plain"]) or ""  # type: ignore[index]
            if wanted is not None and made not in wanted:
                continue
            names: dict[str, str] = {}

            def named(match: re.Match[str], names: dict[str, str] = names) -> str:
                word = match["braced"] or match["plain"]
                full = self.resolve(call, word)
                if full is None:
                    return match[0] if match["plain"] else word
                short = self._short(full, prefix)
                names[short] = full
                return short

            shown = _NAME.sub(named, text)
            left, _, right = shown.partition(" = ")
            if left != right:  # else one object under two names
                yield Written(shown, names, self.numbers(call), made, call, equation)

    def resolve(self, call: Call, word: str) -> str | None:
        """The tape's name of what a call's equation calls by this word; None for no value."""
        if call.backward:
            if word.startswith("d"):
                found = self._own(call, word, "d" + joined(call.path, word[1:]))
                if found is not None:
                    return found
            call = self.undone(call)
            if call.backward:
                return None
        found = self._own(call, word, joined(call.path, word))
        if found is not None:
            return found
        part = self._part(joined(call.path, word))
        return None if part is None else self.tape.name_of(part)

    def numbers(self, call: Call) -> dict[str, float]:
        """The settings of a call by their symbols, and the sizes by the letters of its shapes."""
        own = self.undone(call)
        sizes: dict[str, float] = {}
        leaves: dict[str, Any] = {}
        for one in (own, call):
            facts = facts_of(one.function)
            leaves = self._given(one)
            for name, value in leaves.items():
                _measure(sizes, facts.values.get(name), value)
            for name in one.outputs:
                for word in self.own_names(one, name):
                    _measure(sizes, facts.values.get(word), self.tape.value(name))
            settings = {
                symbol: float(leaves[name])
                for name, symbol in facts.settings.items()
                if isinstance(leaves.get(name), int | float)
            }
            sizes |= settings
        return sizes

    # -- names --------------------------------------------------------------------------------

    def _given(self, call: Call) -> dict[str, Any]:
        """What a call was given, each value by itself; a model's trunk is given all parameters."""
        if id(call) not in self._leaves:
            self._leaves[id(call)] = leaves_of(call.arguments)
        return self._leaves[id(call)]

    def _own(self, call: Call, word: str, full: str) -> str | None:
        """A value that the call showed, was given, or that a call within it showed."""
        if full in call.outputs:
            return full
        leaf = self._given(call).get(word)
        if hasattr(leaf, "shape"):
            return call.inputs.get(word) or self.tape.name_of(leaf)
        return full if full in self.tape else self._argument(full)

    def _argument(self, full: str) -> str | None:
        """What a call within was given, by the name that has it on no value: `attn.c_attn.x`."""
        gradient = full.removeprefix("d")
        path, _, word = gradient.rpartition(".")
        for call in self.at(path) if full == gradient else ():
            if word in call.inputs:
                return call.inputs[word]
        return None

    def _part(self, path: str) -> Any:
        """What the part of a layer at this path returned first."""
        for call in self.at(path):
            return call.result[0] if isinstance(call.result, tuple) else call.result
        return None

    def _short(self, full: str, prefix: str) -> str:
        """A name on the tape, as a step writes it whose values begin with this prefix."""
        value = self.tape.value(full)
        within = [name for name in self.names_of(value) if below(name, prefix) is not None]
        if within:
            short = str(below(min(within, key=self.rank), prefix))
            return full if short in NOTATION else short
        for call in self.at(prefix):
            for word, leaf in self._given(call).items():
                if leaf is value:
                    return word
        return full

    def names_of(self, value: Any) -> Sequence[str]:
        """All names that this very object has on the tape, in their order."""
        return self._names.get(id(value), ())

    def rank(self, name: str) -> tuple[bool, bool, int]:
        """What sorts the best of an object's names to the front: one that a walk shows.

        Of gradients, one by a value that is on the tape itself: dact.out, and not dc_proj.x.
        """
        value = self.value_of(name)
        meaning = self.meaning(value)
        hidden = meaning is not None and not meaning.shown
        return hidden, value not in self.tape, name.count(".")

    def value_of(self, name: str) -> str:
        """Of a gradient the name of the value that it is by; of a value its own."""
        call = self.tape.shown_by(name)
        return name.removeprefix("d") if call is not None and call.backward else name

    def own_names(self, call: Call, name: str) -> Iterator[str]:
        """What a call itself calls a value of this name: by its path, or by an argument."""
        own = below(name, call.path)
        if own is not None:
            yield own
            yield re.sub(r"(^|\.)\d+(?=\.|$)", r"\1*", own)
        for word, tape_name in call.inputs.items():
            if tape_name == name:
                yield word


def below(name: str, prefix: str) -> str | None:
    """A name without the prefix of its step, of a gradient too; None where it has another."""
    if not prefix:
        return name
    if name.startswith(f"{prefix}."):
        return name.removeprefix(f"{prefix}.")
    return "d" + name.removeprefix(f"d{prefix}.") if name.startswith(f"d{prefix}.") else None


def _measure(sizes: dict[str, float], meaning: Meaning | None, value: Any) -> None:
    """Note how long the axes of a value are, by the letters of its shape."""
    if meaning is None or not hasattr(value, "shape") or len(value.shape) < len(meaning.letters):
        return
    if not meaning.letters:
        return
    for letter, size in zip(meaning.letters, value.shape[-len(meaning.letters) :], strict=True):
        if letter.isalpha():
            sizes.setdefault(letter, float(size))


def joined(path: str, key: str) -> str:
    """A name below a path."""
    return f"{path}.{key}" if path else key
