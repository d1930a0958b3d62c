"""Run one call of a tape again on terms: the code that ran, so that its arithmetic can be read.

What the call shows, or an inner call does, is handed over under its name on the tape; each array is
called by the variable that the code shows or notes it as.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from pellucid.numbers import TermArray
from pellucid.tape import Call, Tape

Shown = Callable[[str, Any], None]
"""What is done with a value that a run shows, by its name on the tape."""

Named = Callable[[TermArray, str], None]
"""What is done with an array that a variable holds, by the name of the function it is in."""


def rerun(
    call: Call,
    given: Callable[[Tensor, str], TermArray],
    shown: Shown,
    named: Named = lambda *_: None,
) -> None:
    """Run a call on terms; `given` makes those of a tensor that it received, by its tape name."""
    words = _words(call)

    def change(argument: str, value: Any) -> Any:
        if isinstance(value, Tensor):
            name = call.inputs[argument]
            array = given(value, name)
            array.local = array.local or words.get(name)
            return array
        if isinstance(value, float):
            return TermArray.setting(value, argument.rsplit(".", 1)[-1])
        return value

    call.rerun(change, Observer(shown, named))


def _words(call: Call) -> dict[str, str]:
    """What a backward calls the values in its cache: as the forward that it undoes calls them."""
    forward = call.undoes
    if forward is None:
        return {}
    shown = {name: name.removeprefix(f"{forward.path}.") for name in forward.outputs}
    return shown | {name: word for word, name in forward.inputs.items() if "." not in word}


@contextmanager
def uncollected() -> Iterator[None]:
    """Without Python's collector: it would look through a hundred thousand terms again and again.

    Terms hold no cycles, so it would find nothing.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class Observer(Tape):
    """A tape that keeps nothing and passes on what it is shown, and the arrays' variables."""

    _on_the_way = False
    """Whether what is shown has no name on the tape: an inner layer's own numbers."""

    def __init__(self, shown: Shown, named: Named = lambda *_: None) -> None:
        super().__init__()
        self._shown, self._named = shown, named

    def within(self, key: str) -> "Observer":  # noqa: ARG002 (its values have no names)
        """A scope for an inner layer: its values are noted and not passed on."""
        scope = self._scope(self.path, self._call)
        scope._on_the_way = True
        return scope

    def given(self, values: Mapping[str, Any]) -> None:
        """Do nothing: the inputs are on the tape already."""

    def run(
        self, function: Callable[..., Any], body: Callable[..., Any], arguments: dict[str, Any]
    ) -> Any:
        """Run a layer, whose arguments have names as its variables have."""
        scope = self._scope(self.path, Call(self.path, function, arguments, self._call))
        scope.note(**arguments)
        return body(**arguments, tape=scope)

    def note(self, /, **values: Any) -> None:
        """Call each array by the variable that holds it, first of all in the outermost call."""
        assert self._call is not None
        for name, value in values.items():
            if isinstance(value, TermArray) and (value.local is None or self._call.outer is None):
                value.local = name
                self._named(value, self._call.function.__name__)

    def __call__(self, /, **values: Any) -> None:
        """Hand the values on, each under its full name."""
        assert self._call is not None
        self.note(**values)
        if not self._on_the_way:
            for key, value in values.items():
                self._shown(self._name(key, backward=self._call.backward), value)
