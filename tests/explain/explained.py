"""Explanations of a recorded run, each checked against what ran."""

import math
import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from pellucid.explain import explain, operands
from pellucid.tape import Tape

EACH = 2
"""How many elements of each tensor are explained."""


def some(tape: Tape) -> Iterator[str]:
    """Random elements of every tensor, the same each time."""
    chosen = random.Random(0)
    for name in tape:
        shape = tape[name].shape
        places = {tuple(chosen.randrange(size) for size in shape) for _ in range(EACH)}
        for place in sorted(places) if tape[name].numel() else ():
            yield name + (f"[{','.join(map(str, place))}]" if place else "")


def check_explanations(tape: Tape) -> int:
    """Explain some elements of every tensor; each evaluates to what was traced.

    What a call makes whatever the numbers are has no arithmetic: a mask, a configuration's angles.
    """
    count, chosen = 0, random.Random(1)
    for name in some(tape):
        found = explain(tape, name)
        if found.term is None:
            constant = isinstance(found.traced, bool) or found.origin.startswith("frequencies")
            assert found.call is None or constant, name
            continue
        value = tape[name.partition("[")[0]]
        if value.dtype == torch.float64:
            assert found.term.value == pytest.approx(found.traced, rel=1e-9, abs=1e-12), name
            assert torch.finfo(torch.float64).eps * found.term.slack < 1e-9, name
        evaluated: dict[str, Any] = {"math": math}
        exec(found.term.python(), evaluated)
        assert evaluated["value"] == pytest.approx(found.term.value, rel=1e-14, abs=0), name
        parts = [part for part in operands(found.term) if part.source]
        read = [part.source for part in parts]
        summed = found.origin.startswith("ddec.memory")  # of every block a part, in a loop
        assert summed or len({part.label for part in parts}) == len(read), name
        assert found.origin not in read, name
        if read:
            assert explain(tape, chosen.choice(read))
        count += 1
    return count
