"""A run of a layer's functions: what they show, and whether they hand back what they show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pellucid.numbers.term_array import TermArray
from pellucid.tape import NullTape


class Lines(NullTape):
    """A tape that keeps the values that a layer shows or notes, under their names."""

    def __init__(self, path: str = "", kept: dict[str, TermArray] | None = None) -> None:
        self.path = path
        self.kept: dict[str, TermArray] = {} if kept is None else kept

    def __call__(self, /, **values: Any) -> None:
        """Keep them; a name that is used again has its last value."""
        self.kept |= {self.path + name: value for name, value in values.items()}

    note = __call__

    def at(self, key: str) -> "Lines":
        """The same, one level down."""
        return Lines(f"{self.path}{key}.", self.kept)

    within = at


def flat(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The gradients of a tree under the names that the tape has for them."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{name}.")
        else:
            yield f"{path}d{name}", value


class Code:
    """The functions of one layer, as they run: their tape, and what they hand back."""

    def __init__(self) -> None:
        self.tape = Lines()
        self.results: list[tuple[str, Any]] = []
        self.gradients: list[tuple[str, Any]] = []

    def running(self, function: Callable[..., Any], *names: str) -> Callable[..., Any]:
        """The function, of which it is noted what it hands back, and as which values."""

        def run(*given: Any, **named: Any) -> Any:
            result, rest = function(*given, **named, tape=self.tape)
            arrays = result if isinstance(result, tuple) else (result,)
            self.results += zip(names, arrays, strict=True)
            if function.__name__.endswith("_backward") and isinstance(rest, dict):
                self.gradients += [
                    (path, array) for path, array in flat(rest) if isinstance(array, TermArray)
                ]
            return result, rest

        return run

    def check(self, layer: str, shown: Sequence[Any]) -> None:
        """What was handed back is what was shown under its name, and is among `shown`.

        A gradient may be shown one level down: a head's `dweight` as `lm_head.dweight`.
        """
        handed = [(name, array, {name}) for name, array in self.results if name]
        for name, array in self.gradients:
            handed.append(
                (name, array, {key for key in self.tape.kept if f".{key}".endswith(f".{name}")})
            )
        for name, array, keys in handed:
            same = any(self.tape.kept.get(key) is array for key in keys)
            if not same or all(array is not one for one in shown):
                raise ValueError(
                    f"{layer}: what is handed back as {name} is not what was shown under this name"
                )
