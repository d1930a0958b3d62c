"""The optimizer's step on a tape: its equations, its settings; and equations set on lines."""

from collections.abc import Iterable, Iterator

from pellucid.layers.facts import facts_of
from pellucid.tape import Call, Tape, leaves_of
from pellucid.walkthrough.scope import Scope, Written

WIDTH = 76
"""Equations stand on one line as far as they are not longer together."""


def update_equations(tape: Tape) -> list[Written]:
    """The equations of an optimizer's step, each once; with decay where any weight has it."""
    scope = Scope(tape)
    found: dict[str, Written] = {}
    for call in tape.calls:
        if is_update(call):
            for written in scope.written(call, call.path):
                made = written.made.rpartition(".")[2]
                if made not in found or len(written.text) > len(found[made].text):
                    found[made] = written
    return list(found.values())


def settings_of(tape: Tape) -> dict[str, float]:
    """The settings of an optimizer's step by their symbols; of weight decay the largest."""
    found: dict[str, float] = {}
    for call in tape.calls:
        if is_update(call):
            leaves = leaves_of(call.arguments)
            for name, symbol in facts_of(call.function).settings.items():
                found[symbol] = max(found.get(symbol, 0.0), float(leaves[name]))
    return found


def is_update(call: Call) -> bool:
    """Whether a call moved a parameter: an optimizer's rule."""
    return call.function.__module__.startswith("pellucid.optim")


def lines(equations: Iterable[str]) -> Iterator[str]:
    """Equations on as few lines as hold them, in their order."""
    line = ""
    for text in equations:
        if line and len(line) + len(text) + 4 > WIDTH:
            yield line
            line = ""
        line = f"{line},   {text}" if line else text
    if line:
        yield line
