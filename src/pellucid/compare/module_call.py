"""What a PyTorch module was called with, and what it has returned."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from pellucid.compare.inputs import differing
from pellucid.compare.judge import fitted
from pellucid.errors import TraceError
from pellucid.layers import IGNORE
from pellucid.reference import Pack

TOKENS = ("input_ids", "tokens", "idx", "input", "x")
"""Keywords that programs have for their tokens."""


class ModuleCall(NamedTuple):
    """The tokens and targets of a call, and what is said where they are not the pack's."""

    tokens: Tensor
    targets: Tensor | None
    said: tuple[str, ...]

    @classmethod
    def of(
        cls, args: tuple[Any, ...], kwargs: Mapping[str, Any], targets: Any, pack: Pack | None
    ) -> Self:
        """Read a call; `targets` come before its own, and a pack's where it has none.

        Raises `TraceError` where no tokens are there.
        """
        whole = [one for one in args if _is_ids(one)]
        whole += [kwargs[name] for name in TOKENS if _is_ids(kwargs.get(name))]
        if not whole:
            raise TraceError(
                "a watched module must be called with its tokens, a tensor of whole numbers (T) or "
                "(B, T), and none came: pass them first, or as input_ids"
            )
        tokens = whole[0].detach().cpu().clone()
        own = _targets(args, kwargs, tokens) if targets is None else torch.as_tensor(targets)
        own = None if own is None else own.detach().cpu().clone()
        if pack is None:
            return cls(tokens, own, ())
        tokens = fitted("tokens", tokens, pack.tokens.shape)
        own = pack.targets if own is None else fitted("targets", own, pack.targets.shape)
        said = [*differing("tokens", tokens, pack), *differing("targets", own, pack)]
        return cls(tokens, own, tuple(said))


def _is_ids(value: Any) -> bool:
    whole = isinstance(value, Tensor) and value.dtype in {torch.int64, torch.int32}
    return whole and value.dim() in {1, 2}


def _targets(args: tuple[Any, ...], kwargs: Mapping[str, Any], tokens: Tensor) -> Tensor | None:
    """The targets of a call; transformers' `labels` are the tokens, which it shifts itself."""
    labels: Any = kwargs.get("labels")
    given: Any = kwargs.get("targets")
    if given is None and _is_ids(labels):
        ended = torch.full_like(labels[..., :1], IGNORE)
        given = torch.cat([labels[..., 1:], ended], -1)
    if given is None and len(args) > 1:
        given = args[1]
    return given if _is_ids(given) and given.shape == tokens.shape else None


def first_tensor(out: Any) -> Tensor | None:
    """What a module puts out: a tensor of real numbers, or the first of several values."""
    if isinstance(out, tuple | list) and out:
        out = out[0]
    return out if isinstance(out, Tensor) and out.is_floating_point() else None


def returned(out: Any, vocab_size: int) -> Iterator[tuple[str, Tensor]]:
    """The logits and the loss among what a call has returned, by our names."""
    if isinstance(out, Mapping):
        values = list(out.values())
    else:
        values = list(out) if isinstance(out, tuple | list) else [out]
    found: dict[str, Tensor] = {}
    for value in values:
        if isinstance(value, Tensor) and value.is_floating_point():
            if value.dim() == 0:
                found.setdefault("loss", value)
            elif value.dim() > 1 and value.shape[-1] == vocab_size:
                found.setdefault("logits", value)
    yield from found.items()


def reshaped(tensor: Tensor) -> Tensor | None:
    """The tensor that this one is nothing but a reshape of, as a linear map's output is.

    Where the one is then written to in place, autograd gives a gradient to the other alone.
    """
    base = tensor._base
    if base is None or base.numel() != tensor.numel() or not base.requires_grad:
        return None
    return base if base.is_contiguous() and tensor.is_contiguous() else None
