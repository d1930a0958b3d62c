"""Judge each number of a step on the way, as another program ran it.

The model's own code runs on numbers with bounds of rounding (`numbers.Rounded`). Whenever it shows
a value that the other program has too, the two are compared, and the run goes on with the other's
numbers. So each number is judged by what its own step should make of what went into it, a mistake
shows where it is made, and what follows from it is not blamed.

A value may have several names, and a backward shows the gradient that it was given only after it
has computed with it. So a value is compared under all of its names as soon as it has one of them,
and what a call is given before the call computes.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from pellucid.compare.hidden import hidden_as_ours
from pellucid.compare.judge import Key, Verdict, fitted, judge
from pellucid.compare.mutation import Function, MutatedTape, Mutation
from pellucid.numbers import Rounded
from pellucid.tape import Call, leaves_of

CAPPED = {"probs": 0.0, "losses": 1.0, "loss": 1.0}
"""What may be off by no more than is stated behind a gap, though all that went in is shown, and a
size that it counts as having at least: a bound grows with the vocabulary, and no number of these is
what two larger ones leave."""


@dataclass
class _Judged:
    """What all scopes of one judging tape share."""

    mine: Mapping[str, Tensor]
    alike: Mapping[str, Sequence[str]]  # the other names of a value, by its first
    most: Callable[[str], float | None]  # how far off a carried value may be; None: as is stated
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)  # the names of `mine` that were shown
    wanted: str = ""  # the name at which the run ends
    found: tuple[Tensor, Rounded] | None = None  # the tensor of that name, and what was made of it
    shape: torch.Size | None = None  # of which every value is kept as it is made
    alike_in_shape: dict[str, Rounded] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)  # paths within which a value is not known
    given: dict[Key, list[Rounded]] = field(default_factory=dict)  # what each call was given


class _Reached(Exception):  # noqa: N818 (no error)
    """What was wanted has been made, and the run need not go on."""


class JudgingTape(MutatedTape):
    """A tape that compares what it is shown with the values of the same names in `mine`.

    It may have `mutations`, as any mutated tape.
    """

    def __init__(
        self,
        mine: Mapping[str, Tensor],
        mutations: Iterable[Mutation] = (),
        *,
        alike: Mapping[str, Sequence[str]] = MappingProxyType({}),
        most: Callable[[str], float | None] = lambda _: None,
        shape: torch.Size | None = None,
    ) -> None:
        super().__init__(mutations)
        self._judged = _Judged(mine, alike, most, shape=shape)

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """What was judged, in the order of the run."""
        return self._judged.verdicts

    @property
    def mine(self) -> Mapping[str, Tensor]:
        """What the other program has, by our names."""
        return self._judged.mine

    def first(
        self, name: str, run: Callable[["JudgingTape"], Any]
    ) -> tuple[Tensor, Rounded] | None:
        """The tensor of a name, and what a run makes in its stead; None where it makes none.

        The run goes no further than that, and nothing is judged on the way.
        """
        self._judged.wanted = name
        with contextlib.suppress(_Reached):
            run(self)
        return self._judged.found

    @property
    def alike_in_shape(self) -> Mapping[str, Rounded]:
        """What was made of the shape that is kept, by each value's first name."""
        return self._judged.alike_in_shape

    def around(self, key: Key) -> list[Key]:
        """The calls that a call runs inside, the nearest first."""
        found = []
        outer = self.call(key).outer
        while outer is not None:
            found.append(outer.key)
            outer = outer.outer
        return found

    def call(self, key: Key) -> Call:
        """The call of that key, whether it shows values itself or not."""
        return self._record.by_key[key]

    @property
    def calls_made(self) -> list[Key]:
        """All calls, whether they show values themselves or not."""
        return list(self._record.by_key)

    def inside(self, key: Key) -> list[Key]:
        """The call itself, and those that it runs."""
        return [other for other in self.calls_made if key in (other, *self.around(other))]

    def is_exact(self, key: Key) -> bool:
        """Whether all that the call was given is known, so that it can be judged by itself."""
        if key not in self._judged.given:
            leaves = leaves_of(self.call(key).arguments).values()
            self._judged.given[key] = [leaf for leaf in leaves if isinstance(leaf, Rounded)]
        return all(leaf.is_exact for leaf in self._judged.given[key])

    def suspects(self, key: Key) -> list[Key]:
        """The calls that may have led to what a call makes, but is not known, and those around it.

        They began before it, and the other program does not show what they make.
        """
        made, around = self.calls_made, self.around(key)
        before = made[: made.index(key)]
        return [key, *around, *(one for one in before if one not in around and self._hides(one))]

    def _hides(self, key: Key) -> bool:
        """Whether something that a call makes for others is not known."""
        result = self.call(key).result
        parts = result if isinstance(result, tuple) else (result,)
        main = next((part for part in parts if part is not None), None)
        leaves = leaves_of({"": main}).values()
        return not all(leaf.is_exact for leaf in leaves if isinstance(leaf, Rounded))

    # -- keeping ------------------------------------------------------------------------------

    def _begun(self, body: Function) -> Function:
        """The body, once the gradients that it is given are the other program's."""

        def begun(*, tape: "JudgingTape", **given: Any) -> Any:
            if tape._call is not None and tape._call.backward:
                for argument, value in given.items():
                    if tape._is_mine(argument, value):
                        tape(**{argument: value})
            return body(**given, tape=tape)

        return begun

    def _is_mine(self, argument: str, value: Any) -> bool:
        name = self._name(argument, backward=True)
        return isinstance(value, Rounded) and argument.startswith("d") and name in self._judged.mine

    def _keep(self, name: str, value: Any) -> None:
        new = id(value) not in self._record.names
        super()._keep(name, value)
        if not isinstance(value, Rounded):
            return
        if new and value.shape == self._judged.shape:
            self._judged.alike_in_shape[name] = Rounded(value.middle, value.off, value.dtype)
        call = self._call if new else self._record.makers.get(self._record.names[id(value)])
        for one in (name, *self._judged.alike.get(name, ())):
            if one in self._judged.mine and one not in self._judged.shown:
                self._judged.shown.add(one)
                self._judge(one, value, None if call is None else call.key)
        if not value.is_exact:
            self._loosen()

    def _judge(self, name: str, value: Rounded, key: Key | None) -> None:
        theirs = fitted(name, self._judged.mine[name], value.shape)
        theirs = hidden_as_ours(name, theirs, value.middle)
        if name == self._judged.wanted:
            self._judged.found = (theirs, Rounded(value.middle, value.off, value.dtype))
            raise _Reached
        if not self._judged.wanted:
            carried, most = self._is_carried(key), self._judged.most(name)
            self._judged.verdicts[name] = judge(
                name, theirs, value, key, carried=carried, most=most, least=CAPPED.get(name)
            )
        value.become(theirs)

    def _is_carried(self, key: Key | None) -> bool:
        return key is not None and (key[0] in self._judged.loose or not self.is_exact(key))

    def _loosen(self) -> None:
        """A value that is not known: what is made outside its call may depend on it."""
        path = self.path
        while path:
            path = path.rpartition(".")[0]
            self._judged.loose.add(path)
