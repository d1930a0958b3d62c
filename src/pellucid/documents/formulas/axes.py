"""Arithmetic on tensors with two kinds of axes: first those of the indices, then their own.

`x[t]` for all t at once is a tensor whose first axis is that of t; its own axes are what an index
leaves of x. Index axes are aligned from the left, own axes from the right, as broadcasting does.
Every function takes the number of index axes, `k`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pellucid.errors import FormulaError

COMPARISONS = {
    "=": torch.eq,
    "≠": torch.ne,
    "<": torch.lt,
    ">": torch.gt,
    "≤": torch.le,
    "≥": torch.ge,
}


def own(x: Tensor, k: int) -> tuple[int, ...]:
    """The shape that a tensor has without the axes of the indices."""
    return tuple(x.shape[k:])


def aligned(k: int, *tensors: Tensor) -> list[Tensor]:
    """The tensors with as many own axes each, ones in front where some are missing."""
    most = max(x.dim() for x in tensors)
    return [x.reshape((*x.shape[:k], *(1,) * (most - x.dim()), *x.shape[k:])) for x in tensors]


def broadcast(k: int, what: str, *tensors: Tensor) -> list[Tensor]:
    """The tensors aligned, and fit to be taken element by element; `what` says for what."""
    made = aligned(k, *tensors)
    try:
        torch.broadcast_shapes(*(x.shape for x in made))
    except RuntimeError:
        shapes = " and ".join(str(own(x, k)) for x in tensors)
        raise FormulaError(f"{what} takes shapes that broadcast, not {shapes}") from None
    return made


def elementwise(k: int, what: str, operation: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """An operation on tensors that broadcast."""
    return operation(*broadcast(k, what, *tensors))


def compared(a: Tensor, sign: str, b: Tensor, k: int) -> Tensor:
    """1 where a comparison holds, 0 where it does not, NaN beside NaN."""
    holds = elementwise(k, sign, COMPARISONS[sign], a, b).double()
    unknown = elementwise(k, sign, torch.logical_or, a.isnan(), b.isnan())
    return holds.masked_fill(unknown, torch.nan)


def transposed(x: Tensor, k: int) -> Tensor:
    """A matrix turned over, or each of many."""
    if x.dim() < k + 2:
        raise FormulaError(f"ᵀ turns a matrix over, not a shape of {own(x, k)}")
    return x.mT


def side_by_side(parts: Sequence[Tensor], k: int) -> Tensor:
    """One after the other along the last axis."""
    try:
        return torch.cat(list(parts), -1)
    except (RuntimeError, IndexError):
        shapes = " and ".join(str(own(part, k)) for part in parts)
        raise FormulaError(f"shapes of {shapes} do not lie side by side") from None


def juxtaposed(a: Tensor, b: Tensor, k: int) -> Tensor:
    """The product of factors side by side: of matrices, or with a number."""
    if a.dim() == k or b.dim() == k:
        a, b = aligned(k, a, b)
        return a * b
    shapes = f"{own(a, k)} beside {own(b, k)}"
    if b.dim() < k + 2 or a.shape[-1] != b.shape[-2]:
        raise FormulaError(
            f"factors side by side are a matrix product, which {shapes} is not; "
            "an elementwise product is written with ·"
        )
    row = a.dim() == k + 1
    a, b = aligned(k, a.unsqueeze(-2) if row else a, b)
    broadcast(k, "a matrix product's leading axes", a[..., :1, :1], b[..., :1, :1])
    product = a @ b
    return product.squeeze(-2) if row else product


def gathered(x: Tensor, places: Sequence[Tensor], k: int, what: str, *, strict: bool) -> Tensor:
    """x at these places of its first own axes, the later ones whole; outside, an error or NaN."""
    lengths = own(x, k)
    if len(places) > len(lengths):
        raise FormulaError(f"{what} has {len(places)} indices for {len(lengths)} axes")
    places = aligned(k, *places)
    outside = torch.zeros_like(places[0], dtype=torch.bool)
    for place, length in zip(places, lengths, strict=False):
        if not torch.equal(place.nan_to_num(), place.nan_to_num().round()):
            raise FormulaError(f"{what} has an index that is not a whole number")
        outside = outside | ~((place >= 0) & (place < length))
    if strict and outside.any():
        raise FormulaError(f"{what} has an index outside its axes of {lengths[: len(places)]}")
    later = (1,) * (places[0].dim() - k)
    along = [
        torch.arange(length).reshape((*(1,) * axis, -1, *(1,) * (k - 1 - axis), *later))
        for axis, length in enumerate(x.shape[:k])
    ]
    inside = [
        place.nan_to_num().clamp(0, length - 1).long()
        for place, length in zip(places, lengths, strict=False)
    ]
    found = x[(*along, *inside)]
    outside = outside.reshape((*outside.shape, *(1,) * (found.dim() - outside.dim())))
    return found.masked_fill(outside, torch.nan)
