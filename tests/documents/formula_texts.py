"""Every formula that a walk or a layer can have, and every symbol of the table of names."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache

import pellucid.layers
import pellucid.models
import pellucid.optim
from pellucid.examples import EXAMPLES
from pellucid.layers.facts import facts_of
from pellucid.walkthrough import UPDATES, describe, names
from tests.examples.walkthroughs import walkthrough_of


def stated() -> Iterator[str]:
    """The equations that layers, wirings and optimizers state as they are, whatever the run."""
    for package in (pellucid.layers, pellucid.models, pellucid.optim):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for function in vars(importlib.import_module(info.name)).values():
                if callable(function):
                    for equation in facts_of(function).equations:
                        if isinstance(equation.text, str) and "{" not in equation.text:
                            yield equation.text


@cache
def formulas() -> tuple[str, ...]:
    found = [
        formula
        for name in EXAMPLES
        for part in walkthrough_of(name).parts
        for step in part.steps
        for formula in step.formulas
    ]
    return tuple(dict.fromkeys([*found, *stated()]))


@cache
def symbols() -> tuple[str, ...]:
    rows = [row.symbol for row in (*names(), *UPDATES)]
    gradients = [describe("d" + row.pattern.replace(".i.", ".0.")) for row in names()]
    return tuple(dict.fromkeys(rows + [row.symbol for row in gradients if row]))
