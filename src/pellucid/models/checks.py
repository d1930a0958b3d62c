"""Checks of what comes into a model; each failure is one line."""

import math
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import ConfigError, TokenError, TraceError
from pellucid.kernels import PACKED, PackedWeight
from pellucid.layers import IGNORE, REFERENCE, Ops
from pellucid.models.intervening import InterveningOps
from pellucid.models.model import first_leaf
from pellucid.tape import NullTape
from pellucid.tree import Tree, flatten


def whole_numbers(what: str, ids: Any, device: torch.device) -> Tensor:
    """The ids as a tensor of whole numbers, a copy; `TokenError` where they are anything else."""
    try:
        numbers = torch.as_tensor(ids, device=device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TokenError(
            f"{what} must be whole numbers, in rows of one length, and {type(ids).__name__} "
            f"came ({' '.join(str(error).split())}): encode a text by the model's tokenizer"
        ) from None
    fractional = numbers.is_floating_point() or numbers.is_complex()
    if fractional or numbers.dtype == torch.bool or numbers.dim() == 0 or not numbers.numel():
        raise TokenError(
            f"{what} must be at least one whole number, and {numbers.dtype} of shape "
            f"{tuple(numbers.shape)} came: tokenize a text that is not empty"
        )
    return numbers.to(torch.long, copy=True)


def check_range(what: str, ids: Tensor, vocab_size: int) -> None:
    """Raise `TokenError` unless every id is one of the vocabulary's; meta tensors have no ids."""
    if ids.is_meta:
        return
    low, high = (int(bound) for bound in ids.aminmax())
    if low < 0 or high >= vocab_size:
        wrong = low if low < 0 else high
        raise TokenError(
            f"a {what} must be an id from 0 to {vocab_size - 1}, not {wrong}: was "
            "the text encoded by this model's tokenizer?"
        )


def check_targets(targets: Any, ids: Tensor, vocab_size: int) -> Tensor:
    """The targets of these ids, one each, as a tensor; `TokenError` where they are not that."""
    wanted = whole_numbers("targets", targets, ids.device)
    if wanted.shape != ids.shape:
        raise TokenError(
            f"there must be one target a token: {tuple(wanted.shape)} targets came with "
            f"{tuple(ids.shape)} tokens; mark a position without a target by {IGNORE}"
        )
    counted = wanted[wanted != IGNORE]
    if counted.numel() == 0:
        raise TokenError("a loss needs at least one position with a target, and none has one")
    check_range("target", counted, vocab_size)
    return wanted


def check_room(what: str, count: int, room: int) -> None:
    """Raise `TokenError` for more ids than there are positions."""
    if count > room:
        raise TokenError(
            f"the model has {room} positions and {count} {what}s came: keep the last {room}"
        )


def check_highest(*highest: float) -> None:
    """Raise `ConfigError` where the highest logit of a place is NaN or infinite."""
    if not all(map(math.isfinite, highest)):
        raise ConfigError(
            "logits must be numbers, and the model's are NaN or infinite: are its weights complete?"
        )


def check_begin(tape: NullTape, ops: Ops, params: Tree, **inputs: Tensor) -> None:
    """Give a recording tape what comes from outside; `TraceError` where the ops show nothing.

    `ConfigError` where a packed model meets a table that cannot read its matrices.
    """
    base = ops.base if isinstance(ops, InterveningOps) else ops
    if isinstance(first_leaf(params), PackedWeight) and base != PACKED:
        raise ConfigError(
            "a packed model computes with ops=PACKED alone, and other ops came: take those, or "
            "the model that it was packed from"
        )
    if tape.recording and base != REFERENCE:
        raise TraceError(
            "only the reference ops show their intermediates, and others came with a "
            "recording tape: leave out ops, or the tape"
        )
    if tape.recording:
        by_hand = ops.given if isinstance(ops, InterveningOps) else {}
        tape.given(flatten(params) | inputs | by_hand)
