"""What a layer says of itself: its equations, its values, and their place in a walk.

An equation is one line in the notation of `docs/notation.md`, in the names of the code: what the
function shows, its arguments, and in a backward the names of the forward that it undoes. A part of
the layer stands for what it returned: `attn` for what the call at `attn` did. A name that reads
like a word of the notation stands in braces: `{where}`. An equation that holds for some
configurations says for which: one with a bias is `given("bias", …)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Arguments = Mapping[str, Any]
"""What a call was given, each value by itself: "cache.3" is the fourth of a cache."""
Condition = Callable[[Arguments], bool]
"""Whether an equation holds for a call that was given these arguments."""


VALUE, GRADIENT = "value", "gradient"
"""What of a value may matter so much that a short walk shows it: itself, or its gradient."""


class Meaning(NamedTuple):
    """What a value of a layer means: the letters of its shape, its symbol, and a line in words.

    A batch adds axes in front of the letters. `shown` is false for one that a walk leaves out,
    because another value says the same, or because it is on the way to one. `matters` is what of it
    a short walk shows too, which leaves out nearly all.
    """

    shape: str
    symbol: str
    words: str
    shown: bool = True
    matters: tuple[str, ...] = ()

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters one by one: "T 3C" has two."""
        return tuple(self.shape.split())


class Equation(NamedTuple):
    """A line, or a function of the call's arguments that writes it, and when it holds."""

    text: str | Callable[[Arguments], str]
    holds: Condition = lambda _: True

    def written(self, arguments: Arguments) -> str:
        """The line for a call with these arguments."""
        return self.text if isinstance(self.text, str) else self.text(arguments)


class Split(NamedTuple):
    """How processes share a map: its weight (in, out) is cut along this axis, 1 for columns.

    `maps` are so many maps side by side, each of which is cut: in `c_attn` q, k and v. Without an
    axis nothing is cut: each process uses all of a parameter for the heads that it has, and so has
    a term of its gradient.
    """

    axis: int | None
    maps: int = 1


BY_COLUMNS, BY_ROWS, BY_HEADS = Split(1), Split(0), Split(None)


@dataclass(frozen=True)
class Facts:
    """The facts of one function. `settings` gives the symbol of an argument that is a number.

    `steps` gives the titles of a walk's steps, by the names of the values that the function shows
    itself and of the parts that it calls; a part's name may hold a `*` for a number. `split` gives
    how processes share the maps among its parameters; those without one are whole everywhere. In
    `looked_up` are parameters of which a call reads some rows, and its backward only the shape.
    """

    equations: tuple[Equation, ...] = ()
    values: Mapping[str, Meaning] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)
    split: Mapping[str, Split] = field(default_factory=dict)
    looked_up: tuple[str, ...] = ()


NO_FACTS = Facts()


def given(argument: str, text: str) -> Equation:
    """An equation that holds where the argument is there: a bias, noise, a mask."""
    return Equation(text, lambda arguments: _present(arguments, argument))


def without(argument: str, text: str) -> Equation:
    """An equation that holds where the argument is not there."""
    return Equation(text, lambda arguments: not _present(arguments, argument))


def where(argument: str, value: Any, text: str) -> Equation:
    """An equation that holds where the argument has this value."""
    return Equation(text, lambda arguments: bool(arguments.get(argument) == value))


def equation(line: str | Equation) -> Equation:
    """A line as an equation that always holds."""
    return Equation(line) if isinstance(line, str) else line


def facts_of(function: Callable[..., Any]) -> Facts:
    """What a function says of itself; of one that is no layer, nothing."""
    facts: Facts = getattr(function, "facts", NO_FACTS)
    return facts


def _present(arguments: Arguments, argument: str) -> bool:
    """Whether an argument, or a part of it, was given: None and 0 are what leaves it out."""
    return any(
        value is not None and not (isinstance(value, int | float) and value == 0)
        for name, value in arguments.items()
        if name == argument or name.startswith(f"{argument}.")
    )
