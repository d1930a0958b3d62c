"""Follow: run a step as another program ran it, and judge each of its numbers on the way.

The model's own code runs on numbers with bounds of rounding (`numbers.Rounded`). Whenever it shows
a value that the other program has too, the two are compared, and the run goes on with the other's
numbers. So each number is judged by what its own step should make of what went into it, a mistake
shows where it is made, and what follows from it is not blamed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from torch import Tensor

from pellucid.compare.judge import Key, Verdict, fitted, judge
from pellucid.compare.mutation import is_asking
from pellucid.numbers import Rounded
from pellucid.tape import Call, Tape, arguments_of, leaves_of


@dataclass
class _Judged:
    """What all scopes of one following tape share."""

    mine: Mapping[str, Tensor]
    seen: dict[str, Verdict] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)  # paths within which a value is not known
    outer: dict[Key, tuple[Call, Key | None]] = field(default_factory=dict)


class JudgingTape(Tape):
    """A tape that compares what it is shown with the values of the same names in `mine`."""

    def __init__(self, mine: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._found = _Judged(mine)

    def at(self, key: str) -> "JudgingTape":
        """The same tape, one level down."""
        scope = JudgingTape.__new__(JudgingTape)
        scope._record, scope._found = self._record, self._found
        scope.path = f"{self.path}.{key}" if self.path else key
        return scope

    @property
    def seen(self) -> dict[str, Verdict]:
        """What was judged, in the order of the run."""
        return self._found.seen

    def within(self, key: Key) -> list[Key]:
        """The calls that a call runs inside, the nearest first."""
        found = []
        outer = self._found.outer[key][1]
        while outer is not None:
            found.append(outer)
            outer = self._found.outer[outer][1]
        return found

    def call(self, key: Key) -> Call:
        """The call of that key, whether it shows values itself or not."""
        return self._found.outer[key][0]

    @property
    def calls_made(self) -> list[Key]:
        """All calls, whether they show values themselves or not."""
        return list(self._found.outer)

    def inside(self, key: Key) -> list[Key]:
        """The call itself, and those that it runs."""
        return [other for other in self._found.outer if key == other or key in self.within(other)]

    def is_exact(self, key: Key) -> bool:
        """Whether all that the call was given is known, so that it can be judged by itself."""
        leaves = leaves_of(self.call(key).arguments).values()
        return all(leaf.is_exact for leaf in leaves if isinstance(leaf, Rounded))

    # -- keeping ------------------------------------------------------------------------------

    def _keep_call(
        self, function: Callable[..., Any], frame: FrameType, outputs: tuple[str, ...]
    ) -> None:
        super()._keep_call(function, frame, outputs)
        self._keep_outer(frame)
        self._making = (self.path, function.__name__)

    def _keep_outer(self, frame: FrameType | None) -> Key | None:
        """Note the calls that are running, from the outermost to the frame's; the frame's key."""
        tape: Any = None
        function: Any = None
        while frame is not None:
            tape = frame.f_locals.get("tape")
            function = frame.f_globals.get(frame.f_code.co_name)
            if isinstance(tape, JudgingTape) and function and not is_asking(frame.f_code):
                break
            frame = frame.f_back
        if frame is None:
            return None
        key = (tape.path, function.__name__)
        if key not in self._found.outer:
            call = Call(tape.path, function, arguments_of(frame), {}, ())
            self._found.outer[key] = (call, self._keep_outer(frame.f_back))
        return key

    def _keep(self, name: str, value: Any) -> None:
        new = id(value) not in self._record.names
        super()._keep(name, value)
        if not isinstance(value, Rounded):
            return
        if name in self._found.mine and name not in self._found.seen:
            call = self._making if new else self._record.makers.get(self._record.names[id(value)])
            theirs = fitted(name, self._found.mine[name], value.shape)
            self._found.seen[name] = judge(
                name, theirs, value, call, carried=self._is_carried(call)
            )
            value.become(theirs)
        elif not value.is_exact:
            self._loosen()

    _making: Key | None = None

    def _is_carried(self, key: Key | None) -> bool:
        return key is not None and (key[0] in self._found.loose or not self.is_exact(key))

    def _loosen(self) -> None:
        """A value that is not known: what is made outside its call may depend on it."""
        path = self.path
        while path:
            path = path.rpartition(".")[0]
            self._found.loose.add(path)
