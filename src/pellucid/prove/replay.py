"""Replay: the calls of a tape once more, by the code that ran, on numbers of another kind.

>>> import torch
>>> from pellucid.layers import softmax
>>> from pellucid.numbers import Ball
>>> from pellucid.tape import Tape
>>> tape = Tape()
>>> _ = softmax(torch.tensor([0.0, 1.0]), tape=tape.at("att"))
>>> [made for _, made in replay(tape, Ball.exact)]
[{'att.out': <Ball of shape (2,), radius at most 3e-16>}]

What a call was given from outside are the floats on the tape; what another call made for it is what
the replay makes of that one. So a step runs from end to end on the other numbers, call by call, and
what no later call reads is let go: a replay of GPT-2 needs the room of a layer, not of the model.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from torch import Tensor

from pellucid.errors import TraceError
from pellucid.tape import Call, Tape

Handed = Callable[[str, Any], Any]
"""What is put in place of a tensor, by its first name on the tape."""


def replay(
    tape: Tape,
    given: Callable[[Tensor], Any],
    shown: Callable[[str, Any], None] | None = None,
    *,
    handed: Handed | None = None,
) -> Iterator[tuple[Call, dict[str, Any]]]:
    """Run the calls again; yields each with what it shows, inner calls' values among them.

    `given` makes numbers of the other kind of a tensor of floats. A call that runs inside another
    is not run again by itself, nor is one that only shows what others made. `shown` is told of
    each value as soon as it is shown, before any other call reads it.
    """
    last = {name: place for place, call in enumerate(tape.calls) for name in call.inputs.values()}
    names = {} if handed is None else handed_on(tape)
    made: dict[str, Any] = {}
    seen: set[str] = set()
    for place, call in enumerate(tape.calls):
        if set(own_outputs(tape, call)) - seen:
            own = Tape() if shown is None else _Telling(shown)
            if handed is not None:
                own = _Handing(handed, names)
            call.rerun(partial(_read, tape, call, made=made, given=given, handed=handed), own)
            values = {name: own.value(name) for name in own if is_real(tape.value(name))}
            # What is made of whole numbers alone, such as a table of positions, is still floats.
            values |= {name: given(value) for name, value in values.items() if is_real(value)}
            seen |= set(values)
            yield call, values
            made |= values
        made = {name: value for name, value in made.items() if last.get(name, -1) > place}


class _Telling(Tape):
    """A tape that tells of each value as it is shown."""

    def __init__(self, shown: Callable[[str, Any], None]) -> None:
        super().__init__()
        self._shown = shown

    def __call__(self, /, **values: Any) -> None:
        """Tell of the values, and keep them."""
        assert self._call is not None
        for key, value in values.items():
            if value is not None:
                self._shown(self._name(key, backward=self._call.backward), value)
        super().__call__(**values)


class _Handing(Tape):
    """A tape that puts others in place of what inner layers hand on."""

    def __init__(self, handed: Handed, names: Mapping[tuple[str, str], str]) -> None:
        super().__init__()
        self._handed, self._names = handed, names

    def run(
        self, function: Callable[..., Any], body: Callable[..., Any], arguments: dict[str, Any]
    ) -> Any:
        """Run a layer; whoever called it is handed the other tensor."""
        result = super().run(function, body, arguments)
        name = self._names.get((self.path, function.__name__))
        return result if name is None else (self._handed(name, result[0]), *result[1:])


def handed_on(tape: Tape) -> dict[tuple[str, str], str]:
    """The name of what each call makes and hands on as its result, by what identifies the call.

    What a layer computes on its way and uses itself is not among them.
    """
    found: dict[tuple[str, str], str] = {}
    for call in tape.calls:
        name = tape.name_of(call.result[0]) if isinstance(call.result, tuple) else None
        if name is not None and tape.made_by(name) is call and is_real(tape.value(name)):
            found[call.key] = name
    return found


def _read(
    tape: Tape,
    call: Call,
    argument: str,
    value: Any,
    *,
    made: Mapping[str, Any],
    given: Callable[[Tensor], Any],
    handed: Handed | None,
) -> Any:
    """What a call is given for a value in the replay."""
    if not is_real(value):
        return value
    name = call.inputs[argument]
    maker = tape.made_by(name)
    if name not in made and maker is not None and name not in maker.inputs.values():
        raise TraceError(f"{name} must be made before it is read: please report this")
    other = made[name] if name in made else given(value)
    return other if handed is None else handed(name, other)


def own_outputs(tape: Tape, call: Call) -> list[str]:
    """The real numbers that a call made itself, each under its first name only."""
    return [
        name for name in call.outputs if is_real(tape.value(name)) and _is_own(tape, call, name)
    ]


def _is_own(tape: Tape, call: Call, name: str) -> bool:
    maker = tape.made_by(name)
    if maker is None or tape.name_of(tape.value(name)) != name:
        return False
    return (maker.path, maker.function) == (call.path, call.function)


def is_real(value: Any) -> bool:
    """Whether a value stands for real numbers, and not for tokens or a mask."""
    return isinstance(value, Tensor) and value.is_floating_point()
