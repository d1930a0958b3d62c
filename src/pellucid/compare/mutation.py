"""Mutations: other functions that replace a model's own, for one run of it.

>>> import torch
>>> from pellucid.layers import softmax
>>> def halved(right):
...     return lambda *, x, tape: right(x=x / 2, tape=tape)
>>> softmax(torch.tensor([0.0, 2.0]), tape=MutatedTape([Mutation({softmax: halved})]))[0]
tensor([0.2689, 0.7311])
>>> softmax(torch.tensor([0.0, 2.0]))[0]
tensor([0.1192, 0.8808])

A mutation is the tape's: whoever runs with another tape, in this thread or in another, sees nothing
of it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid.compare.variants import VARIANTS
from pellucid.tape import Tape
from pellucid.tape.call import changed_leaves

Function = Callable[..., Any]

Change = Callable[[Function], Function]
"""From the function that would run to the one that replaces it; all arguments have names."""


def everywhere(_: str) -> bool:
    """Any path of a tape."""
    return True


@dataclass(frozen=True)
class Mutation:
    """Layers and what changes them, in the call at a path of the tape: by default in all.

    Two are equal where they are of one `kind`: they change the same calls in the same way, but for
    a number in it.
    """

    changes: Mapping[Function, Change] = field(compare=False)
    here: Callable[[str], bool] = everywhere
    kind: object = field(default_factory=object)


class MutatedTape(Tape):
    """A tape of a run with mutations in it; each changes what those before it have made."""

    def __init__(self, mutations: Iterable[Mutation] = ()) -> None:
        super().__init__()
        self._mutations = tuple(mutations)
        self._parts: dict[tuple[str, str], set[Function]] = {}

    def run(self, function: Function, body: Function, arguments: dict[str, Any]) -> Any:
        """Record a call of a layer, and run its replacement."""
        return super().run(function, self._begun(self._mutated(function, body)), arguments)

    def run_part(self, function: Function, body: Function, arguments: dict[str, Any]) -> Any:
        """Run the replacement of a part of the running call."""
        if self._call is not None:
            self._parts.setdefault(self._call.key, set()).add(function)
        return super().run_part(function, self._mutated(function, body), arguments)

    def functions(self, keys: Iterable[tuple[str, str]]) -> set[Function]:
        """The layers that these calls are of, and the parts that they ran."""
        own = [(self._record.by_key[key].function, *self._parts.get(key, ())) for key in keys]
        return {function for functions in own for function in functions}

    def _mutated(self, function: Function, body: Function) -> Function:
        own = [m for m in self._mutations if function in m.changes and m.here(self.path)]
        mutated = VARIANTS.get(function, body) if own else body
        for mutation in own:
            mutated = mutation.changes[function](mutated)
        return mutated

    def _begun(self, body: Function) -> Function:
        """What runs in the stead of a body: nothing but the body."""
        return body


def argument(name: str, wrong: Callable[[Any], Any]) -> Change:
    """The function, given something else where an argument is wanted."""

    def change(right: Function) -> Function:
        return lambda **given: right(**given | {name: wrong(given[name])})

    return change


def step(**wrong: Any) -> Change:
    """The function's variant, with other steps on the way.

    Raises `ValueError`, when it runs, where one of them is another already.
    """
    return lambda right: lambda **given: with_steps(right, given, **wrong)


def with_steps(right: Function, given: Mapping[str, Any], **wrong: Any) -> Any:
    """What a variant makes of what it is given, with other steps on the way.

    Raises `ValueError` where one of them is another already.
    """
    twice = sorted(wrong.keys() & given.keys())
    if twice:
        raise ValueError(f"a step must be changed once, and two change {twice[0]}")
    return right(**given, **wrong)


def shown(**wrong: Callable[[Any, Mapping[str, Any]], Any]) -> Change:
    """The function, with others for values that it shows last: nothing else is made of them.

    Each is made of the right one, and of all that the function was given, has shown and noted.
    """

    def change(right: Function) -> Function:
        def mutated(*, tape: Any, **given: Any) -> Any:
            changing = _Changing(tape, wrong, given)
            result = right(**given, tape=changing)
            return changed_leaves({"": result}, changing.instead)[""]

        return mutated

    return change


class _Changing:
    """A tape that shows other values than it is shown, and else is the tape that it was given."""

    def __init__(self, tape: Any, wrong: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self._tape, self._wrong, self._seen = tape, wrong, dict(given)
        self._others: dict[int, tuple[Any, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tape, name)

    def note(self, /, **values: Any) -> None:
        self._seen |= values
        self._tape.note(**values)

    def __call__(self, /, **values: Any) -> None:
        self._seen |= values
        for name in self._wrong.keys() & values.keys():
            if values[name] is not None:
                self._others[id(values[name])] = (
                    values[name],
                    self._wrong[name](values[name], self._seen),
                )
        self._tape(**{name: self.instead(name, value) for name, value in values.items()})

    def instead(self, _: str, value: Any) -> Any:
        """What is shown in a value's stead."""
        return self._others.get(id(value), (value, value))[1]


def site(path: str) -> str:
    """The place of a call in any layer.

    >>> site("h.3.attn.c_attn")
    'h.*.attn.c_attn'
    """
    return re.sub(r"(^|\.)\d+(?=\.|$)", r"\1*", path)
