"""Adapters: how another program's settings and tensors become ours, and ours become theirs.

An adapter is a mapping and nothing more: it opens no file. `pellucid.checkpoint` reads the files of
a form and finds who understands their content in `pellucid.models.ADAPTERS`.

A setting of another program is used, or it is at the value that we compute, or it is refused by its
name; so no setting that changes a formula is passed over, not even one that came after this code.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from pellucid.errors import CheckpointError, ConfigError
from pellucid.models.lazy_tensor import LazyTensor, finished, opened
from pellucid.models.model import Config, Model

C = TypeVar("C")

Tensors = dict[str, Tensor]
"""By name."""

Unopened = dict[str, Any]
"""By name, each a tensor or a `LazyTensor`."""


class Stored(NamedTuple):
    """What another program has written, and where it stands, for the words of an error."""

    settings: Mapping[str, Any]
    tensors: Mapping[str, Tensor | LazyTensor]
    settings_at: object
    tensors_at: object


class Adapter(NamedTuple):
    """One layout of another program for one of our architectures.

    `form` is the module of `pellucid.checkpoint` that reads such files, and `kind` what they call
    the architecture themselves, where they do. `read` gives our configuration and our tensors;
    `write` their settings and tensors of a model of ours, where we write the layout.
    """

    form: str
    kind: str
    model: type[Model]
    read: Callable[[Stored], tuple[Config, Unopened]]
    write: Callable[[Any], tuple[dict[str, Any], Tensors]] | None = None


def configure(at: object, kind: Callable[..., C], **fields: Any) -> C:
    """The configuration of these fields; `CheckpointError`, naming the file, where one is wrong."""
    try:
        return kind(**fields)
    except (ConfigError, TypeError) as error:
        raise CheckpointError(f"{at}: {error}; restore the file") from error


def check_settings(
    stored: Stored,
    title: str,
    *,
    used: Collection[str],
    fixed: Mapping[str, Any] | None = None,
    idle: Collection[str] = (),
) -> None:
    """Raise `CheckpointError` for a setting that could change a formula and would not do so here.

    `used` are those that the adapter reads, `fixed` those that must have the value that we compute,
    and `idle` those that change no formula.
    """
    must = fixed or {}
    for name, value in stored.settings.items():
        if name in must and value != must[name]:
            raise CheckpointError(
                f"{stored.settings_at}: {name} must be {must[name]} as in {title}; it is "
                f"{_said(value)}, another formula; such a model cannot be loaded"
            )
        if not (name in must or name in used or name in idle):
            raise CheckpointError(
                f"{stored.settings_at}: each setting must be one that is known of {title}; {name} "
                f"is {_said(value)}, and may change a formula; remove it only if it does not"
            )


def rename(
    tensors: Mapping[str, Tensor | LazyTensor], our_name: Callable[[str], str | None], at: object
) -> Unopened:
    """The tensors under our names, without those whose name is None."""
    renamed: Unopened = {}
    for name, tensor in tensors.items():
        ours = our_name(name)
        if ours in renamed:
            raise CheckpointError(
                f"{at} must hold each tensor once; {name!r} is a second {ours}; remove one"
            )
        if ours is not None:
            renamed[ours] = tensor
    return renamed


def untie(tensors: Unopened) -> bool:
    """Whether the head is a tensor of its own; a stored copy of the embedding is taken out."""
    head, table = tensors.get("lm_head.weight"), tensors.get("wte.weight")
    if head is None:
        return False
    if table is None or not same(head, table):
        return True
    del tensors["lm_head.weight"]
    return False


def same(head: Tensor | LazyTensor, table: Tensor | LazyTensor) -> bool:
    """Whether the two are equal to the bit; as numbers, a NaN would not equal its own copy."""
    if head.shape != table.shape or head.dtype != table.dtype:
        return False
    one, other = (opened(tensor).contiguous().view(torch.uint8) for tensor in (head, table))
    equal = torch.equal(one, other)
    finished(head)
    finished(table)
    return equal


def check(
    shapes: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Tensor | LazyTensor], at: object
) -> None:
    """Raise `CheckpointError` unless these are a configuration's parameters, name by name."""
    if missing := [name for name in shapes if name not in tensors]:
        raise CheckpointError(
            f"{at} must hold the {len(shapes)} tensors of its configuration; "
            f"{_some(missing)} missing; take weights and configuration from one model"
        )
    if unexpected := [name for name in tensors if name not in shapes]:
        raise CheckpointError(
            f"{at} must hold only the {len(shapes)} tensors of its configuration; "
            f"{_some(unexpected)} unexpected; take weights and configuration from one model"
        )
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise CheckpointError(
                f"{at}: {name} must have the shape {shape} of its configuration; it has "
                f"{tuple(tensors[name].shape)}; take weights and configuration from one model"
            )
        if not tensors[name].is_floating_point():
            raise CheckpointError(
                f"{at}: {name} must be of floating-point numbers; it is {tensors[name].dtype}; "
                "give a checkpoint that is not quantised"
            )


def _some(names: list[str]) -> str:
    """The first names and how many more there are, with the verb that follows."""
    listed = ", ".join(names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{listed}{more} {'is' if len(names) == 1 else 'are'}"


def _said(value: object, limit: int = 80) -> str:
    """A setting's value as Python writes it, and not too long."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
