"""The tape: every named value of one step, and the call that made each from which others.

A layer shows its intermediates by `tape(mean=mean, rstd=rstd, out=out)`, and a block hands each of
its layers the tape `tape.at("ln_1")`, so that the values stand under dotted names:

>>> import torch
>>> from pellucid.layers import softmax
>>> tape = Tape()
>>> out, cache = softmax(torch.tensor([0.0, 0.0]), tape=tape.at("att"))
>>> tape["att.out"]
tensor([0.5000, 0.5000])
>>> call = tape.made_by("att.out")
>>> call.function.__name__, call.inputs, call.outputs
('softmax', {'x': 'att.x'}, ('att.out',))

What a backward function shows as `dout` at `att` is the gradient of `att.out`: it is kept as
`datt.out`, so that value and gradient face each other by name.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import FrameType
from typing import Any

from pellucid.errors import TraceError

BACKWARD = "_backward"
"""The end of the name of every backward function."""


@dataclass(frozen=True)
class Call:
    """One call of a layer: `function(**arguments)` at `path` made `outputs` from `inputs`.

    `arguments` are the very objects that the function received, so that the call can be run again
    (on terms, on balls, or under a known mistake). `inputs` gives the tape's name of each tensor
    among them, `"cache.0"` or `"c_attn.weight"` where it came inside another argument.
    """

    path: str
    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    inputs: Mapping[str, str]
    outputs: tuple[str, ...]

    def again(self, change: Callable[[str, Any], Any], tape: "Tape") -> None:
        """Run the call once more, on `change(argument, value)` for each value that it was given.

        What it shows goes on the tape that is given, under the names that it has on this one; an
        argument inside another is named as in `inputs`.
        """
        changed = {key: _changed(key, value, change) for key, value in self.arguments.items()}
        self.function(**changed, tape=tape.at(self.path))


class NullTape:
    """A tape that keeps nothing: the methods of `Tape` that a layer calls, at no cost."""

    recording = False
    path = ""
    """What the names that are shown here begin with."""

    def __call__(self, **values: Any) -> None:
        """Do nothing with the values."""

    def at(self, key: str) -> "NullTape":  # noqa: ARG002 (the signature is Tape's)
        """Return itself, whatever the place."""
        return self

    def given(self, values: Mapping[str, Any]) -> None:
        """Do nothing with the values."""


NULL_TAPE = NullTape()
"""The tape that every layer has unless it is given another."""


class PlacedTape(NullTape):
    """A tape that keeps nothing and yet knows its place, as an edited run has to."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def at(self, key: str) -> "PlacedTape":
        """The same, one level down."""
        return PlacedTape(_join(self.path, key))


@dataclass
class _Record:
    """What all scopes of one tape share."""

    values: dict[str, Any] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    calls: dict[tuple[str, str], Call] = field(default_factory=dict)
    makers: dict[str, tuple[str, str]] = field(default_factory=dict)


class Tape(NullTape):
    """Keeps the named values of one step, forward and backward, in the order they were made.

    `tape["h.0.attn.att"]` is a value and `tape["dh.0.attn.att"]` the loss's gradient by it. A
    name that is only an argument of a call works too: `tape["h.0.ln_1.x"]` is what `ln_1` read,
    and `tape["dh.0.ln_1.x"]` the part of the gradient that came back through `ln_1` alone.

    A tape belongs to one step: another value under the same name raises `TraceError`.
    """

    recording = True
    path = ""

    def __init__(self) -> None:
        self._record = _Record()

    def at(self, key: str) -> "Tape":
        """The same tape, one level down: names shown to it begin with `key` and a dot."""
        scope = Tape()
        scope._record = self._record
        scope.path = _join(self.path, key)
        return scope

    def given(self, values: Mapping[str, Any]) -> None:
        """Keep what came from outside, such as parameters and tokens: values that no call made."""
        for name, value in values.items():
            self._keep(_join(self.path, name), value)

    def __call__(self, **values: Any) -> None:
        """Keep the values that the calling function made, and the call itself; skip a None."""
        # Layers bind each name once, so at any line of theirs an argument is still what came in.
        frame = sys._getframe(1)
        function = frame.f_globals[frame.f_code.co_name]
        backward = function.__name__.endswith(BACKWARD)
        named = {
            self._name(key, backward=backward): value
            for key, value in values.items()
            if value is not None
        }
        self._keep_call(function, frame, tuple(named))
        for name, value in named.items():
            self._keep(name, value)
            self._record.makers.setdefault(name, (self.path, function.__name__))

    # -- reading ------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        """The value of that name; `TraceError`, with the nearest names, where there is none."""
        values = self._record.values
        if name in values:
            return values[name]
        for call in self.calls:
            argument = name.removeprefix(f"{call.path}.")
            if argument in call.inputs and _join(call.path, argument) == name:
                return leaves_of(call.arguments)[argument]
        near = get_close_matches(name, list(values), n=3, cutoff=0.4)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise TraceError(f"a name must be on the tape, which has no {name!r}{hint}")

    def __repr__(self) -> str:
        return f"<Tape of {len(self)} values from {len(self.calls)} calls>"

    def __contains__(self, name: object) -> bool:
        return name in self._record.values

    def __iter__(self) -> Iterator[str]:
        return iter(self._record.values)

    def __len__(self) -> int:
        return len(self._record.values)

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls in the order in which they first showed a value."""
        return tuple(self._record.calls.values())

    def name_of(self, value: Any) -> str | None:
        """The first name of this very object, or None if it is not on the tape."""
        return self._record.names.get(id(value))

    def made_by(self, name: str) -> Call | None:
        """The call that made the value; None for what was given (parameters, tokens)."""
        origin = self.name_of(self[name]) or name
        maker = self._record.makers.get(origin)
        return None if maker is None else self._record.calls[maker]

    def with_values(self, other: Callable[[str, Any], Any]) -> "Tape":
        """The same step, with what `other` gives for each value and its first name.

        So it has the same names and calls; the calls have received the other values too.
        """
        old = self._record
        known: dict[int, Any] = {}

        def taken(_: str, value: Any) -> Any:
            if id(value) not in old.names:
                return value
            if id(value) not in known:
                known[id(value)] = other(old.names[id(value)], value)
            return known[id(value)]

        tape = Tape()
        new = tape._record
        new.values = {name: taken(name, value) for name, value in old.values.items()}
        new.calls = {
            key: replace(call, arguments=_changed("", call.arguments, taken))
            for key, call in old.calls.items()
        }
        new.names = {id(value): old.names[before] for before, value in known.items()}
        new.makers = dict(old.makers)
        return tape

    # -- keeping ------------------------------------------------------------------------------

    def _name(self, key: str, *, backward: bool) -> str:
        """The full name of what a function calls `key`: in a backward, dx is the gradient of x."""
        if backward and key.startswith("d"):
            return "d" + _join(self.path, key[1:])
        return _join(self.path, key)

    def _keep(self, name: str, value: Any) -> None:
        if self._record.values.get(name, value) is not value:
            raise TraceError(
                f"a tape holds one step, and {name!r} is on it already: use a new Tape() a step"
            )
        self._record.values[name] = value
        # An object may have several names (h.0.resid_post is h.1.resid_pre): the first tells who
        # made it. The tape holds the object, so its id stays its own.
        self._record.names.setdefault(id(value), name)

    def _keep_call(
        self, function: Callable[..., Any], frame: FrameType, outputs: tuple[str, ...]
    ) -> None:
        """Record the frame's call; one that shows values on several lines is one call."""
        key = (self.path, function.__name__)
        known = self._record.calls.get(key)
        if known is not None:
            self._record.calls[key] = replace(known, outputs=known.outputs + outputs)
            return
        arguments = arguments_of(frame)
        inputs = {}
        for argument, value in leaves_of(arguments).items():
            if hasattr(value, "shape"):
                unnamed = self._name(argument, backward=function.__name__.endswith(BACKWARD))
                self._record.names.setdefault(id(value), unnamed)
                inputs[argument] = self._record.names[id(value)]
        self._record.calls[key] = Call(self.path, function, arguments, inputs, outputs)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def arguments_of(frame: FrameType) -> dict[str, Any]:
    """The arguments of the running function, by name, without its tape."""
    code, values = frame.f_code, frame.f_locals
    names = code.co_varnames
    count = code.co_argcount + code.co_kwonlyargcount
    arguments = {name: values[name] for name in names[:count] if name != "tape"}
    if code.co_flags & CO_VARKEYWORDS:
        arguments |= values[names[count + bool(code.co_flags & CO_VARARGS)]]
    return arguments


def _changed(name: str, value: Any, change: Callable[[str, Any], Any]) -> Any:
    """An argument with each value inside its dicts and tuples changed."""
    if isinstance(value, Mapping):
        return {key: _changed(f"{name}.{key}", inner, change) for key, inner in value.items()}
    if isinstance(value, tuple):
        keys = getattr(value, "_fields", range(len(value)))
        parts = [
            _changed(f"{name}.{key}", inner, change) for key, inner in zip(keys, value, strict=True)
        ]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return change(name, value)


def leaves_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call with dicts and tuples opened, under dotted names."""
    leaves: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, tuple):
            keys = getattr(value, "_fields", map(str, range(len(value))))
            opened: Any = dict(zip(keys, value, strict=True))
        else:
            opened = value
        if isinstance(opened, Mapping):
            inner = leaves_of(opened)
            leaves.update({f"{name}.{key}": leaf for key, leaf in inner.items()})
        else:
            leaves[name] = value
    return leaves
