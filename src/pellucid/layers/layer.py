"""What makes a function a layer: its calls are recorded, and it says what they mean.

>>> import torch
>>> from pellucid.tape import NULL_TAPE, NullTape, Tape
>>> @layer("out = 2 x", values={"out": Meaning("T", "2x", "x twice")})
... def double(x, *, tape: NullTape = NULL_TAPE):
...     out = 2 * x
...     tape(out=out)
...     return out
>>> tape = Tape()
>>> _ = double(torch.tensor([3.0]), tape=tape.at("twice"))
>>> tape["twice.out"], tape.made_by("twice.out").inputs
(tensor([6.]), {'x': 'twice.x'})
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from pellucid.layers.facts import Equation, Facts, Meaning, Split, equation
from pellucid.tape import NULL_TAPE, NullTape, Tape

F = TypeVar("F", bound=Callable[..., Any])

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def layer(
    *equations: str | Equation,
    values: Mapping[str, Meaning] | None = None,
    settings: Mapping[str, str] | None = None,
    steps: Mapping[str, str] | None = None,
    split: Mapping[str, Split] | None = None,
    looked_up: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Make a function a layer, with its facts: see `Facts`.

    A recording tape keeps its calls; with a silent one it runs as it is. It may be defined
    anywhere: at the top of a module, in a class, inside another function. Its last keyword is
    `tape`, and it may rebind its arguments: a call has them as they came.

    Raises `TypeError` for a function without `tape`, or one whose arguments have no names.
    """
    facts = Facts(
        tuple(map(equation, equations)),
        values or {},
        settings or {},
        steps or {},
        split or {},
        looked_up,
    )

    def decorate(function: F) -> F:
        return cast("F", _recorded(function, facts))

    return decorate


def part(function: F) -> F:
    """Make a function a part of layers: no layer of its own, and its calls are not recorded.

    A recording tape may put another in its stead, as in a layer's.
    """
    names = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def replaceable(*given: Any, tape: NullTape = NULL_TAPE, **named: Any) -> Any:
        if not tape.recording:
            return function(*given, tape=tape, **named)
        arguments = dict(zip(names, given, strict=False)) | named
        return cast("Tape", tape).run_part(replaceable, function, arguments)

    return cast("F", replaceable)


def _recorded(function: Callable[..., Any], facts: Facts) -> Callable[..., Any]:
    """The function behind a wrapper that tells a recording tape of each call."""
    parameters = inspect.signature(function).parameters
    further = [p.name for p in parameters.values() if p.kind is inspect.Parameter.VAR_KEYWORD]
    names = [name for name in parameters if name != "tape" and name not in further]
    defaults = {
        name: parameters[name].default
        for name in names
        if parameters[name].default is not inspect.Parameter.empty
    }
    if "tape" not in parameters or any(parameters[name].kind not in _NAMED for name in names):
        raise TypeError(
            f"a layer must have a keyword tape, and a name for each argument; {function.__name__} "
            f"has {inspect.signature(function)}"
        )

    @functools.wraps(function)
    def recorded(*given: Any, tape: NullTape = NULL_TAPE, **named: Any) -> Any:
        if not tape.recording:
            return function(*given, tape=tape, **named)
        came = defaults | dict(zip(names, given, strict=False)) | named
        arguments = {name: came.pop(name) for name in names if name in came}
        return cast("Tape", tape).run(recorded, function, arguments | came)

    recorded.facts = facts  # type: ignore[attr-defined]
    return recorded
