"""Sampled: whether tokens are those on which random numbers fall, and by which rule."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from pellucid.compare.judge import STATED
from pellucid.compare.later import Later
from pellucid.generate import Sampling, candidates
from pellucid.reference import SAMPLED

Order = Callable[[Tensor], Tensor]
"""In which order the pieces of these ids lie, given the likeliest first."""


def allowed_off(true: Tensor, dtype: torch.dtype) -> Tensor:
    """How far off each row of a tensor may be that is made of nothing that is shown."""
    return STATED[dtype] * true.abs().amax(-1)


def parts_wrong(right: Tensor, word: str) -> str:
    """Which of several are wrong, in words."""
    wrong = right.logical_not().nonzero().reshape(-1).tolist()
    first, last = wrong[0], wrong[-1]
    if len(wrong) == len(right):
        return f"every {word} is wrong"
    if len(wrong) == last - first + 1:
        if last == len(right) - 1:
            before = f"{word} 0 is" if first == 1 else f"{word}s 0 to {first - 1} are"
            return f"{before} right, from {first} on wrong"
        if first == last:
            return f"only {word} {first} of {len(right)} is wrong"
        return f"{word}s {first} to {last} of {len(right)} are wrong"
    return f"{len(wrong)} of {len(right)} {word}s are wrong, the first {first}"


def judge_sampled(
    ids: Sequence[int],
    logits: Tensor,
    sampling: Sampling,
    stream: Sequence[float],
    dtype: torch.dtype,
) -> Later:
    """Whether each token is that on whose piece the random number falls, up to rounding."""

    def wrong(own: Sampling, numbers: Sequence[float], order: Order) -> list[int]:
        rows = zip(ids, logits, numbers, strict=True)
        return [
            number
            for number, (token, row, u) in enumerate(rows)
            if not _may_fall(token, row, own, u, float(allowed_off(row, dtype)), order)
        ]

    found = wrong(sampling, stream, _as_it_is)
    if not found:
        return Later(SAMPLED, agrees=True, said="the tokens of the random numbers")
    right = torch.tensor([number not in found for number in range(len(ids))])
    said = parts_wrong(right, "token")
    backwards = [1 - u for u in stream]
    rules: list[tuple[str, Sampling, Sequence[float], Order]] = [
        ("pieces stand in the order of ids, not the likeliest first", sampling, stream, _by_id),
        ("the likeliest come last", sampling, backwards, _as_it_is),
        ("logits are multiplied by the temperature", _warmer(sampling), stream, _as_it_is),
        ("temperature is left out", replace(sampling, temperature=1.0), stream, _as_it_is),
        ("top-k is left out", replace(sampling, top_k=None), stream, _as_it_is),
        ("top-p is left out", replace(sampling, top_p=None), stream, _as_it_is),
        (
            "top-k and top-p are left out",
            replace(sampling, top_k=None, top_p=None),
            stream,
            _as_it_is,
        ),
        (
            "top-p is a part of what top-k leaves, not of all",
            replace(sampling, top_p_of="top-k"),
            stream,
            _as_it_is,
        ),
        (
            "pieces stand in the order of ids, and top-k and top-p are left out",
            replace(sampling, top_k=None, top_p=None),
            stream,
            _by_id,
        ),
    ]
    causes = [cause for cause, own, u, order in rules if not wrong(own, u, order)]
    if causes:
        return Later(SAMPLED, agrees=False, said=f"{said}: {' or '.join(causes)}")
    first = found[0]
    about = f"{said}; after step {first} yours is {ids[first]}, and {stream[first]:.6g} falls on "
    own_ids, probs = candidates(logits[first], sampling)
    place = min(int((probs.cumsum(0) <= stream[first]).sum()), len(own_ids) - 1)
    return Later(SAMPLED, agrees=False, said=f"{about}{int(own_ids[place])}")


def _as_it_is(ids: Tensor) -> Tensor:
    return torch.arange(len(ids))


def _by_id(ids: Tensor) -> Tensor:
    return ids.argsort()


def _warmer(sampling: Sampling) -> Sampling:
    return replace(sampling, temperature=1 / sampling.temperature)


def _may_fall(  # noqa: PLR0917 (one question)
    token: int,
    logits: Tensor,
    sampling: Sampling,
    u: float,
    allowed: float,
    order: Order,
) -> bool:
    """Whether u falls on the token, where each logit may be off by what is allowed."""
    ids, probs = candidates(logits, sampling)
    ids, probs = (values[order(ids)] for values in (ids, probs))
    near = 2 * allowed / sampling.temperature  # so much a probability may be off, of itself
    ends = probs.cumsum(0)
    alike = (logits[ids].double() - float(logits[token])).abs() <= 2 * allowed
    if not bool(alike.any()):
        return False
    return bool(((ends - probs - near <= u) & (u <= ends + near) & alike).any())
