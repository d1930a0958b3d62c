"""Judge each number of a step on the way, as another program ran it.

The model's own code runs on numbers with bounds of rounding (`numbers.Rounded`). Whenever it shows
a value that the other program has too, the two are compared, and the run goes on with the other's
numbers. So each number is judged by what its own step should make of what went into it, a mistake
shows where it is made, and what follows from it is not blamed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from pellucid.compare.judge import Key, Verdict, fitted, judge
from pellucid.compare.mutation import MutatedTape, Mutation
from pellucid.numbers import Rounded
from pellucid.tape import Call, leaves_of


@dataclass
class _Judged:
    """What all scopes of one judging tape share."""

    mine: Mapping[str, Tensor]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)  # paths within which a value is not known


class JudgingTape(MutatedTape):
    """A tape that compares what it is shown with the values of the same names in `mine`.

    It may have `mutations`, as any mutated tape.
    """

    def __init__(self, mine: Mapping[str, Tensor], mutations: Iterable[Mutation] = ()) -> None:
        super().__init__(mutations)
        self._judged = _Judged(mine)

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """What was judged, in the order of the run."""
        return self._judged.verdicts

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
        leaves = leaves_of(self.call(key).arguments).values()
        return all(leaf.is_exact for leaf in leaves if isinstance(leaf, Rounded))

    # -- keeping ------------------------------------------------------------------------------

    def _keep(self, name: str, value: Any) -> None:
        new = id(value) not in self._record.names
        super()._keep(name, value)
        if not isinstance(value, Rounded):
            return
        if name in self._judged.mine and name not in self._judged.verdicts:
            call = self._call if new else self._record.makers.get(self._record.names[id(value)])
            key = None if call is None else call.key
            theirs = fitted(name, self._judged.mine[name], value.shape)
            carried = self._is_carried(key)
            self._judged.verdicts[name] = judge(name, theirs, value, key, carried=carried)
            value.become(theirs)
        elif not value.is_exact:
            self._loosen()

    def _is_carried(self, key: Key | None) -> bool:
        return key is not None and (key[0] in self._judged.loose or not self.is_exact(key))

    def _loosen(self) -> None:
        """A value that is not known: what is made outside its call may depend on it."""
        path = self.path
        while path:
            path = path.rpartition(".")[0]
            self._judged.loose.add(path)
