"""Where a checkpoint's tensors meet its configuration: names, shapes, dtypes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from pellucid.errors import CheckpointError, ConfigError
from pellucid.models import GPT, Config, EditedGPT, Model
from pellucid.tree import unflatten

C = TypeVar("C", bound=Config)


class Found(NamedTuple):
    """What a reader brings: a configuration, tensors under our names, and their file."""

    config: Config
    tensors: dict[str, Tensor]
    file: Path
    kind: type[Model] = GPT


def configure(file: Path, kind: Callable[..., C], **fields: Any) -> C:
    """The configuration of these fields; `CheckpointError`, naming the file, where one is wrong."""
    try:
        return kind(**fields)
    except ConfigError as error:
        raise CheckpointError(f"{file}: {error}; restore the file") from error


def rename(
    tensors: Mapping[str, Tensor], our_name: Callable[[str], str | None], file: Path
) -> dict[str, Tensor]:
    """The tensors under our names, without those whose name is None."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        ours = our_name(name)
        if ours in renamed:
            raise CheckpointError(
                f"{file} must hold each tensor once; {name!r} is a second {ours}; remove one"
            )
        if ours is not None:
            renamed[ours] = tensor
    return renamed


def untie(tensors: dict[str, Tensor]) -> bool:
    """Whether the head is a tensor of its own; a stored copy of the embedding is taken out."""
    head, table = tensors.get("lm_head.weight"), tensors.get("wte.weight")
    if head is None:
        return False
    if table is None or not same(head, table):
        return True
    del tensors["lm_head.weight"]
    return False


def check_unedited(model: Model) -> None:
    """Raise `CheckpointError` for a model with edits, which would be lost without a word."""
    if isinstance(model, EditedGPT) and model.edits:
        raise CheckpointError(
            f"a checkpoint holds weights alone, and this model has {len(model.edits)} edits of its "
            "activations besides: write model.unedited, and keep the edits elsewhere"
        )


def check(config: Config, tensors: Mapping[str, Tensor], file: Path) -> None:
    """Raise `CheckpointError` unless these are the configuration's parameters, name by name."""
    shapes = config.parameter_shapes()
    if missing := [name for name in shapes if name not in tensors]:
        raise CheckpointError(
            f"{file} must hold the {len(shapes)} tensors of its configuration; "
            f"{_some(missing)} missing; take weights and configuration from one model"
        )
    if unexpected := [name for name in tensors if name not in shapes]:
        raise CheckpointError(
            f"{file} must hold only the {len(shapes)} tensors of its configuration; "
            f"{_some(unexpected)} unexpected; take weights and configuration from one model"
        )
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise CheckpointError(
                f"{file}: {name} must have the shape {shape} of its configuration; it has "
                f"{tuple(tensors[name].shape)}; take weights and configuration from one model"
            )
        if not tensors[name].is_floating_point():
            raise CheckpointError(
                f"{file}: {name} must be of floating-point numbers; it is {tensors[name].dtype}; "
                "give a checkpoint that is not quantised"
            )


def assemble(found: Found, *, dtype: torch.dtype | None, device: torch.device | str) -> Model:
    """The model of what was found, each parameter in memory of its own.

    Raises `CheckpointError` where names, shapes or dtypes are not the configuration's.
    """
    config, tensors, file, kind = found
    check(config, tensors, file)
    dtypes = {str(tensor.dtype) for tensor in tensors.values()}
    if dtype is None and len(dtypes) > 1:
        raise CheckpointError(
            f"{file} must hold numbers of one dtype; it has {' and '.join(sorted(dtypes))}; "
            "say by dtype which of them to use for all"
        )
    # Copied one by one out of the file, which others may overwrite while the model lives; what
    # was not in the file any more is freed as soon as its copy is made.
    params = {
        name: tensors.pop(name)
        .detach()
        .to(device=device, dtype=dtype, copy=True, memory_format=torch.contiguous_format)
        for name in config.parameter_shapes()
    }
    return kind(config, unflatten(params))


def same(head: Tensor, table: Tensor) -> bool:
    """Whether the two are equal to the bit; as numbers, a NaN would not equal its own copy."""
    return (
        head.shape == table.shape
        and head.dtype == table.dtype
        and torch.equal(head.contiguous().view(torch.uint8), table.contiguous().view(torch.uint8))
    )


def _some(names: list[str]) -> str:
    """The first names and how many more there are, with the verb that follows."""
    listed = ", ".join(map(_printable, names[:3]))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{listed}{more} {'is' if len(names) == 1 else 'are'}"


def _printable(name: str) -> str:
    """A tensor's name as it is, or escaped where a foreign file has put line breaks into it."""
    return name if name.isprintable() else repr(name)
