"""Learning rates over the course of a training."""

import math


def warmup_cosine(step: int, *, peak: float, warmup: int, total: int, floor: float = 0.0) -> float:
    """The learning rate of `step`, counted from 0: up in a line, then down along half a cosine.

    It reaches `peak` after `warmup` steps and `floor` at step `total`, where it stays.
    Source: Loshchilov and Hutter 2017, "SGDR", equation 5, with the warm-up of Goyal et al. 2017.

    >>> [round(warmup_cosine(s, peak=1.0, warmup=2, total=6), 3) for s in range(8)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, total - warmup))
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * done))
