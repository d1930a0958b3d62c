"""What is fixed in a theorem, and no variable: tokens, targets, masks and places."""

from collections.abc import Sequence
from typing import Any

import torch

from pellucid.numbers.term_array import TermArray


def given(values: Any) -> TermArray:
    """An array of numbers that are fixed."""
    return TermArray.given(torch.tensor(values), None)


def table(values: Sequence[Any], depth: int = 0) -> str:
    """A function from places to what stands there, in Rocq."""
    texts = [one if isinstance(one, str) else table(one, depth + 1) for one in values]
    cases = " | ".join(f"{at}%nat => {text}" for at, text in enumerate(texts[:-1]))
    return f"(fun t{depth} => match t{depth} with {cases} | _ => {texts[-1]} end)"


CAUSAL = "one_of_two"
"""Two positions: the first does not see the second."""

MASK = "two_of_three"
"""Two queries and three keys: the first query does not see the last key."""


def seen(mask: str) -> TermArray:
    """The mask of this name, as the code has it."""
    rows = {CAUSAL: [[True, False], [True, True]], MASK: [[True, True, False], [True, True, True]]}
    return given(rows[mask])
