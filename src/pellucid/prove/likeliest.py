"""The most likely next token, certified: its logit's ball lies above all others."""

from typing import Any, NamedTuple, cast

import numpy as np

from pellucid.layers import softmax
from pellucid.numbers import Ball


class Likeliest(NamedTuple):
    """The token that surely has the largest logit at the last position."""

    token: int
    probability: str  # the digits that are certain
    runner_up: int
    lead: float  # how much larger the logit is than the runner-up's, rounded down


def likeliest(logits: Ball) -> Likeliest | None:
    """The most likely next token; None if the balls of two overlap, or there is only one."""
    rows = logits.reshape(-1, logits.shape[-1])[-1:]  # (1, V)
    row = rows.packed[0]
    reach = row["radius"] + np.abs(row["low"])
    below = np.nextafter(row["high"] - np.nextafter(reach, np.inf), -np.inf)
    above = np.nextafter(row["high"] + np.nextafter(reach, np.inf), np.inf)
    first = int(row["high"].argmax())
    others = np.delete(np.arange(len(row)), first)
    if not len(others) or not bool((above[others] < below[first]).all()):
        return None
    second = int(others[row["high"][others].argmax()])
    probs: Any = softmax(cast("Any", rows))[0]
    return Likeliest(
        first,
        probs.numbers[0, first].str(12, radius=False),
        second,
        float(np.nextafter(below[first] - above[second], 0)),
    )
