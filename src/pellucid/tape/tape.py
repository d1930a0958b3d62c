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

A function that shows values is a layer (`pellucid.layers.layer`): its wrapper tells the tape that a
call begins, with the arguments as they came.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Self

from torch import Tensor

from pellucid.errors import TraceError
from pellucid.tape.call import BACKWARD, Call, check_unwritten, leaves_of, version
from pellucid.tape.null_tape import NULL_TAPE, NullTape, joined


@dataclass
class _Record:
    """What all scopes of one tape share."""

    values: dict[str, Any] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)  # by the same id
    begun: list[Call] = field(default_factory=list)
    by_key: dict[tuple[str, str], Call] = field(default_factory=dict)  # of one key the first
    calls: list[Call] = field(default_factory=list)
    makers: dict[str, Call] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: names by the objects themselves, which have other ids elsewhere."""
        known = list(self.values.values())
        for call in self.begun:
            known += leaves_of(call.arguments).values()
        named = {
            id(value): (value, self.names[id(value)]) for value in known if id(value) in self.names
        }
        return {**self.__dict__, "names": list(named.values()), "versions": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, names={id(value): name for value, name in state["names"]})


class Tape(NullTape):
    """Keeps the named values of one step, forward and backward, in the order they were made.

    `tape["h.0.attn.att"]` is a value and `tape["dh.0.attn.att"]` the gradient of the loss
    with respect to it. A name that is only an argument of a call works too: `tape["h.0.ln_1.x"]`
    is what `ln_1` read, and `tape["dh.0.ln_1.x"]` the part of the gradient that came back through
    `ln_1` alone.

    What brackets give is a copy: whoever writes to it changes neither the tape nor the model. The
    tape itself holds the tensors that ran, and takes no memory for them beside the run's; one that
    is written to later, such as a weight in a training in place, is refused when it is read.

    A tape belongs to one step: another value under the same name raises `TraceError`.
    """

    recording = True
    path = ""
    _call: Call | None = None
    """The call whose function holds this scope of the tape."""

    def __init__(self) -> None:
        self._record = _Record()

    def _scope(self, path: str, call: Call | None) -> Self:
        """The same tape at another path, held by another call."""
        scope = object.__new__(type(self))
        scope.__dict__.update(self.__dict__)
        scope.path, scope._call = path, call
        return scope

    def at(self, key: str) -> Self:
        """The same tape, one level down: names shown to it begin with `key` and a dot."""
        return self._scope(joined(self.path, key), self._call)

    def within(self, key: str) -> NullTape:  # noqa: ARG002 (who looks at every number needs it)
        """The tape of an inner layer whose values are only intermediate: they are not kept."""
        return NULL_TAPE

    def note(self, /, **values: Any) -> None:
        """Keep none of them: a rerun shows intermediate values to a calculation by hand."""

    def given(self, values: Mapping[str, Any]) -> None:
        """Keep inputs such as parameters and tokens: values that no call made."""
        for name, value in values.items():
            self._keep(joined(self.path, name), value)

    def run(
        self, function: Callable[..., Any], body: Callable[..., Any], arguments: dict[str, Any]
    ) -> Any:
        """Record a call of a layer: run its `body`, the code below the wrapper."""
        versions = self._record.versions
        call = Call(self.path, function, arguments, self._call, versions=versions)
        if call.backward:
            path, name = call.key
            call.undoes = self._record.by_key.get((path, name.removesuffix(BACKWARD)))
        self._record.by_key.setdefault(call.key, call)
        self._record.begun.append(call)
        call.result = body(**arguments, tape=self._scope(self.path, call))
        return call.result

    def run_part(
        self,
        function: Callable[..., Any],  # noqa: ARG002 (a tape that changes functions asks which)
        body: Callable[..., Any],
        arguments: dict[str, Any],
    ) -> Any:
        """Run a part of the running call, which is no call by itself."""
        return body(**arguments, tape=self)

    def __call__(self, /, **values: Any) -> None:
        """Keep the values that the running call made, and the call itself; skip a None.

        Raises `TraceError` where the function that shows them is no layer.
        """
        call = self._call
        if call is None:
            raise TraceError(
                f"a function that shows values must be a layer, and one that is not shows "
                f"{', '.join(values)}: decorate it with pellucid.layers.layer, or use tape.given"
            )
        named = {
            self._name(key, backward=call.backward): value
            for key, value in values.items()
            if value is not None
        }
        if not call.outputs:
            self._keep_call(call)
        call.outputs += tuple(named)
        for name, value in named.items():
            self._keep(name, value)
            self._record.makers.setdefault(name, call)

    # -- reading ------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        """A copy of the value of that name; `TraceError`, with near names, where there is none."""
        value = self.value(name)
        return value.clone() if isinstance(value, Tensor) else value

    def value(self, name: str) -> Any:
        """The very value that ran, to be read and never to be written to; as `tape[name]` else.

        Raises `TraceError` too where somebody has written to it.
        """
        value = self._value(name)
        check_unwritten(name, value, self._record.versions)
        return value

    def _value(self, name: str) -> Any:
        values = self._record.values
        if name in values:
            return values[name]
        for call in self.calls:
            argument = name.removeprefix(f"{call.path}.")
            if argument in call.inputs and joined(call.path, argument) == name:
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
        """All calls that showed a value, in the order in which they first did."""
        return tuple(self._record.calls)

    @property
    def begun(self) -> tuple[Call, ...]:
        """All calls in the order in which they began, including those that showed nothing."""
        return tuple(self._record.begun)

    def name_of(self, value: Any) -> str | None:
        """The first name of this very object, or None if it is not on the tape."""
        return self._record.names.get(id(value))

    def made_by(self, name: str) -> Call | None:
        """The call that made the value; None for an input (parameters, tokens)."""
        origin = self.name_of(self._value(name)) or name
        return self._record.makers.get(origin)

    def shown_by(self, name: str) -> Call | None:
        """The call that showed a value by exactly this name; None for an input."""
        return self._record.makers.get(name)

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

        calls = {id(call): call.with_values(taken) for call in old.begun}
        for call in calls.values():
            call.outer = call.outer and calls[id(call.outer)]
            call.undoes = call.undoes and calls[id(call.undoes)]
        tape = Tape()
        new = tape._record
        new.values = {name: taken(name, value) for name, value in old.values.items()}
        new.begun = list(calls.values())
        new.calls = [calls[id(call)] for call in old.calls]
        new.names = {id(value): old.names[before] for before, value in known.items()}
        new.versions = {id(value): version(value) for value in known.values()}
        new.makers = {name: calls[id(call)] for name, call in old.makers.items()}
        return tape

    # -- keeping ------------------------------------------------------------------------------

    def _name(self, key: str, *, backward: bool) -> str:
        """The full name of what a function calls `key`: in a backward, dx is the gradient of x."""
        if backward and key.startswith("d"):
            return "d" + joined(self.path, key[1:])
        return joined(self.path, key)

    def _keep(self, name: str, value: Any) -> None:
        if self._record.values.get(name, value) is not value:
            raise TraceError(
                f"a tape holds one step, and {name!r} is on it already: use a new Tape() a step"
            )
        self._record.values[name] = value
        # An object may have several names (h.0.resid_post is h.1.resid_pre): the first tells who
        # made it. The tape holds the object, so its id stays its own.
        self._record.names.setdefault(id(value), name)
        self._record.versions.setdefault(id(value), version(value))

    def _keep_call(self, call: Call) -> None:
        """Record a call that shows its first value, with the names of what it was given."""
        names, path = self._record.names, call.path
        for argument, value in leaves_of(call.arguments).items():
            if hasattr(value, "shape"):
                backward = call.backward and argument.startswith("d")
                unnamed = "d" + joined(path, argument[1:]) if backward else joined(path, argument)
                call.inputs[argument] = names.setdefault(id(value), unnamed)
                call.versions.setdefault(id(value), version(value))
        self._record.calls.append(call)
