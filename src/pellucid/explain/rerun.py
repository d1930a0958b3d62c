"""Run one call of a tape again on terms: the code that ran, so that its arithmetic can be read.

What the call shows, or an inner call does, is handed over under its name on the tape; each array is
called by the variable that holds it.
"""

import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from torch import Tensor

from pellucid.numbers import TermArray
from pellucid.tape import BACKWARD, Call, Tape

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

    def change(argument: str, value: Any) -> Any:
        if isinstance(value, Tensor):
            return given(value, call.inputs[argument])
        if isinstance(value, float):
            return TermArray.setting(value, argument.rsplit(".", 1)[-1])
        return value

    with _named_by(call.function.__code__, named):
        call.again(change, Observer(shown))


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
    """A tape that keeps nothing and hands on what it is shown."""

    def __init__(self, shown: Shown, path: str = "") -> None:
        super().__init__()
        self.path, self._shown = path, shown

    def at(self, key: str) -> "Observer":
        """The same, one level down."""
        return Observer(self._shown, f"{self.path}.{key}" if self.path else key)

    def given(self, values: Mapping[str, Any]) -> None:
        """Nothing: what is given to the run is on the tape already."""

    def __call__(self, **values: Any) -> None:
        """Hand the values on, each under its full name."""
        backward = sys._getframe(1).f_code.co_name.endswith(BACKWARD)
        for key, value in values.items():
            self._shown(self._name(key, backward=backward), value)


@contextmanager
def _named_by(code: CodeType, named: Named) -> Iterator[None]:
    """Call each array by the variable that holds it, first of all in the function of that code.

    A function's variables are looked at when it ends, inner functions first.
    """

    def ended(frame: FrameType, event: str, _: Any) -> None:
        if event != "return" or frame.f_globals.get("__name__", "").startswith(_OWN):
            return
        for name, value in frame.f_locals.items():
            if isinstance(value, TermArray) and (value.local is None or frame.f_code is code):
                value.local = name
                named(value, frame.f_code.co_name)

    before: Callable[..., Any] | None = sys.getprofile()
    sys.setprofile(ended)
    try:
        yield
    finally:
        sys.setprofile(before)


_OWN = ("pellucid.numbers", "pellucid.tape", "pellucid.explain")
