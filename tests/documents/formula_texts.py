"""Every formula that a walkthrough can have, and every symbol of the table of names."""

from functools import cache

from pellucid.examples import EXAMPLES
from pellucid.walkthrough import UPDATES, Steps, describe, lines, names, update_equations
from tests.examples.walkthroughs import walkthrough_of
from tests.walkthrough.recordings import RECORDINGS


@cache
def formulas() -> tuple[str, ...]:
    found = [
        formula
        for name in EXAMPLES
        for part in walkthrough_of(name).parts
        for step in part.steps
        for formula in step.formulas
    ]
    for recorded in RECORDINGS.values():
        tape = recorded()
        steps = Steps(tape)
        for step in (*steps.forward(), *steps.backward()):
            found += step.formulas
        found += lines(written.text for written in update_equations(tape))
    return tuple(dict.fromkeys(found))


@cache
def symbols() -> tuple[str, ...]:
    rows = [row.symbol for row in (*names(), *UPDATES)]
    gradients = [describe("d" + row.pattern.replace(".i.", ".0.")) for row in names()]
    return tuple(dict.fromkeys(rows + [row.symbol for row in gradients if row]))
