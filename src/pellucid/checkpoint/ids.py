"""Token ids in a file of tensors, which may hold them as floats."""

from torch import Tensor

from pellucid.errors import CheckpointError


def token_ids(name: str, values: Tensor) -> Tensor:
    """The ids as integers; `CheckpointError` where one of them is no whole number.

    >>> import torch
    >>> token_ids("tokens", torch.tensor([3.0, 7.0]))
    tensor([3, 7])
    """
    real = values.real if values.is_complex() else values
    ids = real.nan_to_num(nan=0.5).long() if real.is_floating_point() else real.long()
    if bool((ids == values).all()):
        return ids
    place = tuple(int(i) for i in (ids != values).nonzero()[0])
    raise CheckpointError(
        f"{name} must be whole numbers, and {list(place)} is {values[place].item()}: save the ids"
    )
