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


def noam(step: int, *, width: int, warmup: int, factor: float = 1.0) -> float:
    """factor · C^-½ · min(t^-½, t · warmup^-1½) with t = step + 1: up in a line, then down.

    It is highest at t = warmup, and from there falls with the square root of the steps.
    Source: Vaswani et al. 2017, 5.3.

    >>> [round(noam(step, width=4, warmup=4), 4) for step in (0, 1, 3, 15)]
    [0.0625, 0.125, 0.25, 0.125]
    """
    t = step + 1
    rising, falling = t / math.sqrt(max(1, warmup) ** 3), 1 / math.sqrt(t)
    return factor / math.sqrt(width) * min(rising, falling)
