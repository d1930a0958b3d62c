"""Mistakes in the loss with a number in them: a factor, micro-batches, smoothing, a padding."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from pellucid.compare.mistakes.loss import AVERAGE, LESS_ONE, NATS, SHARED, Line, halves
from pellucid.compare.mistakes.mistake import Mistake
from pellucid.compare.mistakes.solved import (
    Seen,
    SolvedMistake,
    coded,
    combined,
    differs,
    left_in,
    rounder,
    said,
)
from pellucid.compare.mutation import Change, Function, argument, step
from pellucid.layers import IGNORE, cross_entropy, cross_entropy_backward

BOTH = (cross_entropy, cross_entropy_backward)
SPECIAL = (
    *("loss_summed", "loss_over_all", "loss_log2", "loss_log10"),
    *("loss_micro_batches", "loss_micro_batches_added"),
)
"""Mistakes that multiply the loss."""

_COUNTED = "counted = targets != IGNORE"


def _in_halves(
    name: str,
    text: str,
    solve: Callable[[Seen], Iterator[Any]],
    make: Callable[[Any, Seen], tuple[Mistake, str, tuple[Line, ...]]],
) -> tuple[SolvedMistake, ...]:
    """A mistake with a number in forward and backward, in the forward, and in the backward."""

    def half(place: int) -> Callable[[Any, Seen], Mistake]:
        return lambda number, seen: halves(*make(number, seen))[place]

    of = {"": BOTH, "_in_loss": BOTH[:1], "_in_gradient": BOTH[1:]}
    said_of = {
        "": f"the loss {text}",
        "_in_loss": f"the loss {text}, and its gradient is right",
        "_in_gradient": f"the gradient is that of a loss that {text}",
    }
    return tuple(
        SolvedMistake(name + end, said_of[end], functions, solve, half(place))
        for place, (end, functions) in enumerate(of.items())
    )


# -- a factor -------------------------------------------------------------------------------------


def _factors(seen: Seen) -> Iterator[float]:
    times = seen.times()
    if differs(times, 1.0) and times and seen.local != "losses":
        # One number is always a multiple of another: it must be one that says something.
        alone = seen.mine.numel() == 1
        yield from (one for one in rounder(times) if not alone or left_in(one, seen))


def _scaled(number: float, seen: Seen) -> tuple[Mistake, str, tuple[Line, ...]]:
    changes: dict[Function, Change] = {
        cross_entropy: step(average=lambda losses, counted: number * losses.sum() / counted.sum()),
        cross_entropy_backward: argument("dloss", lambda dloss: number * dloss),
    }
    whole = Mistake(
        "loss_scaled",
        "",
        ((AVERAGE, f"{coded(number)} * {AVERAGE}"),),
        changes,
        unless=SPECIAL,
    )
    text = f"is {said(number)} times what it should be{left_in(number, seen)}"
    return whole, text, ((SHARED, f"{coded(number)} * {SHARED}"),)


# -- micro-batches --------------------------------------------------------------------------------


def _counts(seen: Seen) -> Iterator[int]:
    """In how many micro-batches of whole texts the batch may have been cut."""
    targets = _targets(seen)
    texts = targets.shape[0] if targets.dim() > 1 else 1
    yield from (count for count in range(texts, 1, -1) if texts % count == 0)


def _targets(seen: Seen) -> Tensor:
    targets: Tensor = (
        seen.given("targets") if seen.call.function is cross_entropy else seen.given("cache")[1]
    )
    return targets


def _micro_batches(name: str, text: str, *, mean: bool) -> tuple[SolvedMistake, ...]:
    def make(count: int, _: Seen) -> tuple[Mistake, str, tuple[Line, ...]]:
        share = count if mean else 1

        def average(losses: Any, counted: Any) -> Any:
            parts = zip(losses.chunk(count, 0), counted.chunk(count, 0), strict=True)
            first, *others = (own.sum() / of.sum() for own, of in parts)
            return sum(others, start=first) / share

        def shared(whole: Any, counted: Any) -> Any:
            sizes = counted.reshape(count, -1).sum(-1).repeat_interleave(len(counted) // count)
            return whole / (share * sizes.reshape(-1, *[1] * (whole.dim() - 1)))

        own = "sum(own.sum() / of.sum() for own, of in zip({0}, {1}))"
        own = own.format(f"losses.chunk({count}, 0)", f"counted.chunk({count}, 0)")
        each = f"counted.reshape({count}, -1).sum(-1).repeat_interleave(len(counted) // {count})"
        divided = f" / {count}" if mean else ""
        whole = Mistake(
            name,
            "",
            ((AVERAGE, f"{own}{divided}"),),
            {cross_entropy: step(average=average), cross_entropy_backward: step(shared=shared)},
        )
        line = f"dloss * deviation / {each}[:, None, None]{divided}"
        return whole, text.format(count), ((SHARED, line),)

    return _in_halves(name, text.format("several"), _counts, make)


def _last(seen: Seen) -> Iterator[tuple[int, int]]:
    for count in _counts(seen):
        yield from ((count, 1), (count, count))


def _of_last(numbers: tuple[int, int], _: Seen) -> Mistake:
    count, share = numbers

    def kept(everywhere: Any, counted: Any) -> Any:
        return everywhere.where((counted & are_last(counted, count)).unsqueeze(-1), 0)

    def shared(whole: Any, counted: Any) -> Any:
        return whole / counted.chunk(count, 0)[-1].sum() / share

    divided = f" / {share}" if share > 1 else ""
    return Mistake(
        "grad_of_last_micro_batch",
        f"gradients are those of the last of {count} micro-batches: the others' are overwritten"
        + (f", and it is divided by {count}" if share > 1 else ""),
        (
            (SHARED, f"dloss * deviation / counted.chunk({count}, 0)[-1].sum(){divided}"),
            (
                "counted.unsqueeze(-1), 0).to",
                f"(counted & are_last(counted, {count})).unsqueeze(-1), 0).to",
            ),
        ),
        {cross_entropy_backward: step(kept=kept, shared=shared)},
    )


def are_last(counted: Tensor, count: int) -> Tensor:
    """Which positions are in the last of so many micro-batches."""
    texts = torch.arange(len(counted), device=counted.device)
    last = texts >= len(counted) - len(counted) // count
    return last.reshape(-1, *[1] * (counted.dim() - 1))


# -- ignored targets ------------------------------------------------------------------------------


def _paddings(seen: Seen) -> Iterator[int]:
    """As which token ignored targets may be counted."""
    targets = _targets(seen)
    ignored = targets == IGNORE
    if not bool(ignored.any()):
        return
    if seen.local in {"losses", "dlogits"}:
        first = seen.mine.double()[ignored][0]
        apart = first if seen.local == "dlogits" else (first + _probs(seen)[ignored][0].log()).abs()
        yield int(apart.argmin())
        return
    size = _probs(seen).shape[-1]
    yield from dict.fromkeys(token % size for token in (0, -1, IGNORE))


def _probs(seen: Seen) -> Tensor:
    if seen.call.function is cross_entropy:
        scored: Tensor = seen.given("logits").double().softmax(-1)
        return scored
    kept = seen.given("cache")[0]
    probs: Tensor = getattr(kept, "middle", kept)
    return probs


def _counted_as(token: int, _: Seen) -> tuple[Mistake, str, tuple[Line, ...]]:
    def filled(targets: Any) -> Any:
        return targets.where(targets != IGNORE, token)

    def forward(right: Function) -> Function:
        def wrong(*, targets: Any, **given: Any) -> Any:
            out, (probs, _, dtype) = right(targets=filled(targets), **given)
            return out, (probs, targets, dtype)

        return wrong

    line = (_COUNTED, f"targets = targets.where(targets != IGNORE, {token})\n    {_COUNTED}")
    undo = argument("cache", lambda cache: (cache[0], filled(cache[1]), cache[2]))
    changes: dict[Function, Change] = {cross_entropy: forward, cross_entropy_backward: undo}
    whole = Mistake("ignored_counted", "", (line,), changes)
    return whole, f"counts positions whose target is ignored, as if it were token {token}", (line,)


# -- label smoothing ------------------------------------------------------------------------------


def _smoothings(seen: Seen) -> Iterator[float]:
    targets, probs = _targets(seen), _probs(seen)
    counted = targets != IGNORE
    index = targets.where(counted, 0).unsqueeze(-1)
    log_probs, apart = probs.log(), seen.mine.double() - seen.made.middle
    lead = (log_probs.gather(-1, index).squeeze(-1) - log_probs.mean(-1)).where(counted, 0)
    even = torch.full_like(probs, -1 / probs.shape[-1])
    parts = {
        "losses": lead,
        "loss": lead.sum() / counted.sum(),
        "dlogits": even.scatter_add(-1, index, torch.ones_like(probs)).where(
            counted.unsqueeze(-1), 0
        )
        / counted.sum(),
    }
    found = 0.1
    if seen.local in parts:
        (found,) = combined(apart, [parts[seen.local]], seen.made.off, seen.made.unit)
    if 0 < found < 1:
        alone = seen.mine.numel() == 1
        yield from (one for one in rounder(found) if not alone or one == float(f"{one:.1e}"))


def _smoothed(number: float, _: Seen) -> tuple[Mistake, str, tuple[Line, ...]]:
    sharp = f"(1 - {coded(number)})"

    def nats(log_probs: Any, index: Any) -> Any:
        picked = log_probs.gather(-1, index).squeeze(-1)
        return -(1 - number) * picked - number * log_probs.mean(-1)

    def less_one(probs: Any, index: Any, _: Any) -> Any:
        taken = -(1 - number) * torch.ones_like(probs)
        return probs.scatter_add(-1, index, taken) - number / probs.shape[-1]

    whole = Mistake(
        "label_smoothing",
        "",
        ((NATS, f"({sharp} * {NATS} - {coded(number)} * log_probs.mean(-1))"),),
        {cross_entropy: step(nats=nats), cross_entropy_backward: step(less_one=less_one)},
    )
    line = f"probs.scatter_add(-1, index, -{sharp} * torch.ones_like(probs))"
    line += f" - {coded(number)} / probs.shape[-1]"
    return whole, f"smooths its labels by {said(number)}", ((LESS_ONE, line),)


SOLVED_LOSS: tuple[SolvedMistake, ...] = (
    *_in_halves("loss_scaled", "is a multiple of what it should be", _factors, _scaled),
    *_micro_batches(
        "loss_micro_batches",
        "is the mean of {} micro-batches' means, not of all targets",
        mean=True,
    ),
    *_micro_batches(
        "loss_micro_batches_added",
        "is the sum of {} micro-batches' means: it is not divided by their number",
        mean=False,
    ),
    SolvedMistake(
        "grad_of_last_micro_batch",
        "gradients are those of the last micro-batch: the others' are overwritten",
        BOTH[1:],
        _last,
        _of_last,
    ),
    *_in_halves(
        "ignored_counted",
        "counts positions whose target is ignored",
        _paddings,
        _counted_as,
    ),
    *_in_halves("label_smoothing", "smooths its labels", _smoothings, _smoothed),
)
"""Those of the loss."""
