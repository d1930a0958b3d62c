"""The calls that make an answer, once more: on other numbers, or with something done wrong."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from pellucid.compare.mutation import Function, MutatedTape, Mutation
from pellucid.prove.replay import is_real
from pellucid.tape import Call, Tape

Numbers = Callable[[Any], Any]
"""What becomes of the numbers that a call reads: a tensor of the tape, or what was made again."""


def doubled(values: Tensor) -> Tensor:
    """The numbers in float64."""
    return values.double()


def calls_of(tape: Tape, names: Iterable[str]) -> list[Call]:
    """The calls that made the values of these names, each once, in the order of the run."""
    makers = {id(call): call for name in names if (call := tape.made_by(name)) is not None}
    return [call for call in tape.calls if id(call) in makers]


def again(
    calls: Sequence[Call], mutations: Sequence[Mutation] = (), read: Numbers = doubled
) -> dict[str, Any]:
    """What the calls make, by name, the later ones from what the earlier ones made."""
    made: dict[str, Any] = {}
    for call in calls:
        own = MutatedTape(mutations)
        call.rerun(partial(_read, call, made, read), own)
        made |= {name: own.value(name) for name in own if _is_number(own.value(name))}
    return made


def functions_of(calls: Sequence[Call]) -> set[Function]:
    """The layers that these calls are of, and the parts that they run; not the layers inside."""
    found: set[Function] = set()
    for call in calls:
        own = MutatedTape()
        call.rerun(lambda _, value: value, own)
        found |= own.functions([call.key])
    return found


def _read(call: Call, made: dict[str, Any], read: Numbers, argument: str, value: Any) -> Any:
    if not is_real(value):
        return value
    return read(made.get(call.inputs[argument], value))


def _is_number(value: Any) -> bool:
    return is_real(value) or not isinstance(value, Tensor)
