"""Edits: which activations of a GPT can be set by hand, and what an edit comes to in one run."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.layers import Replacement
from pellucid.models.gpt.config import GPTConfig

Index = tuple[int | slice, ...]
"""Of a tensor: its first axes, or all; what stands below them is meant as a whole."""

_BLOCK = {
    "pre": ("ln_1.out", "attn.c_attn.out", "attn.att", "attn.c_proj.out", "ln_2.out"),
    "post": ("attn.c_attn.out", "attn.att", "attn.c_proj.out", "ln_1.out"),
}
_FEED_FORWARD = ("mlp.c_fc.out", "mlp.act.out", "mlp.c_proj.out")
_LAST = {"pre": ("resid_post",), "post": ("ln_2.out", "resid_post")}

_INSTEAD = {
    r"h\.(\d+)\.attn\.(q|k|v|qkv)": "h.{0}.attn.c_attn.out, from which it is cut",
    r"h\.(\d+)\.attn\.(scores|kept)": "h.{0}.attn.att, the attention that is used",
    r"h\.(\d+)\.attn\.(z|merged)": "h.{0}.attn.att, or h.{0}.attn.c_proj.out that it turns into",
    r"h\.(\d+)\.(resid_mid|sum_1)": "h.{0}.attn.c_proj.out, which is added there, or what "
    "comes in as {before}",
    r"h\.(\d+)\.sum_2": "h.{0}.mlp.c_proj.out, which is added there",
    r"h\.(\d+)\.resid_pre": "{before}, the same stream where it is made",
    r"(lm_head\.out|logits|probs|losses|loss)()": "{last}, of which the head makes it",
}
"""What to edit in the place of a number that is made of others in passing."""


@dataclass(frozen=True, eq=False)
class Edit:
    """An activation set by hand: `name[index] = value`, at every run from then on.

    `index` holds whole numbers from 0 on, or slices such as `slice(None)`, for the first axes of
    the activation, none for all of it; a batch's axis is not one of them, and all its texts are
    edited alike. `value` is a number, or a tensor that broadcasts to what the index picks, such as
    what another run had there: a patch. A patch of a whole text is for texts of its length, and
    for what is generated after them; `slice(0, 5)` says that it is for five positions of any.
    Attention is set to what is said also at keys that the mask hides.
    """

    name: str
    value: float | Tensor
    index: Index = ()


def editable(config: GPTConfig) -> tuple[str, ...]:
    """The names of the activations that can be edited, in the order in which they are made.

    >>> editable(GPTConfig(n_layer=1, n_head=2, n_embd=4))[:4]
    ('embed.out', 'wpe.out', 'h.0.ln_1.out', 'h.0.attn.c_attn.out')
    """
    block = (*_BLOCK[config.norm], *_FEED_FORWARD, *_LAST[config.norm])
    blocks = (f"h.{layer}.{name}" for layer in range(config.n_layer) for name in block)
    return ("embed.out", "wpe.out", *blocks, *(("ln_f.out",) if config.final_norm else ()))


def edit_axes(config: GPTConfig, name: str) -> dict[str, int | None]:
    """The axes of an editable activation: their letters and sizes, None for the text's positions.

    >>> edit_axes(GPTConfig(n_head=12), "h.3.attn.att")
    {'H': 12, 'T': None, 'S': None}
    """
    if name.endswith(".att"):
        return {"H": config.n_head, "T": None, "S": None}
    if name.endswith(".c_attn.out"):
        return {"T": None, "3C": 3 * config.n_embd}
    if name.endswith((".c_fc.out", ".act.out")):
        return {"T": None, "F": config.inner}
    return {"T": None, "C": config.n_embd}


def checked(
    config: GPTConfig, edits: Iterable[Edit], dtype: torch.dtype, device: torch.device
) -> Iterator[Edit]:
    """The edits with their values as tensors; `ConfigError` for one that no run could carry out."""
    for edit in edits:
        _check_name(config, edit.name)
        index = edit.index if isinstance(edit.index, tuple) else tuple(edit.index)
        _check_index(edit.name, index, list(edit_axes(config, edit.name).values()))
        yield Edit(edit.name, _finite(edit, dtype, device), index)


def replacements(
    config: GPTConfig, edits: Sequence[Edit], *, start: int, length: int
) -> dict[str, Replacement]:
    """What the edits come to in a run on the positions `start` to `start + length` of a text.

    Later edits of the same numbers win. Positions before `start` are another run's, which has
    edited them.

    Raises `ConfigError` for a position that the text does not have, or a value of another shape.
    """
    found: dict[str, Replacement] = {}
    for edit in edits:
        where, value = (
            part[..., start:, :] for part in _spread(config, edit, start, start + length)
        )
        if edit.name in found:
            before = found[edit.name]
            where, value = before.where | where, torch.where(where, value, before.value)
        found[edit.name] = Replacement(where, value)
    return {name: one for name, one in found.items() if bool(one.where.any())}


def _spread(config: GPTConfig, edit: Edit, start: int, total: int) -> tuple[Tensor, Tensor]:
    """Where an edit of a text of so many tokens is, and its value there, in the whole shape."""
    sizes = list(edit_axes(config, edit.name).values())
    shape = [total if size is None else size for size in sizes]
    _check_index(edit.name, edit.index, shape)
    given = torch.as_tensor(edit.value)
    index: tuple[Any, ...] = edit.index + _passed(edit, given, sizes, start)
    where = torch.zeros(shape, dtype=torch.bool, device=given.device)
    value = torch.zeros(shape, dtype=given.dtype, device=given.device)
    where[index] = True
    wanted, came = tuple(value[index].shape), tuple(given.shape)
    # One position is not broadcast to many: a patch from a text of one token is no such wish.
    kept = [size for size, at in zip_longest(sizes, index) if type(at) is not int]
    rows = [place for place, size in enumerate(kept) if size is None and len(came) == len(wanted)]
    try:
        torch.broadcast_to(given, wanted)
        fits = all(came[place] == wanted[place] for place in rows)
    except RuntimeError:
        fits = False
    if not fits:
        raise ConfigError(
            f"an edit's value must fit what it sets, which of {edit.name} is {wanted} here, and "
            f"{came} came: take it from a run on a text of {total} tokens, or give an index that "
            "says which positions it is for"
        )
    value[index] = given
    return where, value


def _passed(edit: Edit, given: Tensor, sizes: Sequence[int | None], start: int) -> Index:
    """What limits an index to a past text, where the value is one for all positions of that."""
    below = sizes[len(edit.index) :]
    if given.dim() != len(below) or not all(type(at) is int for at in edit.index):
        return ()
    whole = [own for own, size in zip(given.shape, below, strict=True) if size is None]
    if not whole or max(whole) > start:
        return ()
    return tuple(
        slice(None if size is not None else own)
        for own, size in zip(given.shape, below, strict=True)
    )


def _check_name(config: GPTConfig, name: str) -> None:
    names = editable(config)
    if name in names:
        return
    raise ConfigError(
        f"an activation that is edited must be made by one call, and {name!r} is none of those: "
        f"edit {_instead(config, name, names)}"
    )


def _instead(config: GPTConfig, name: str, names: Sequence[str]) -> str:
    """What can be edited in the place of a name that cannot."""
    for pattern, instead in _INSTEAD.items():
        match = re.fullmatch(pattern, name)
        if match:
            layer = int(match[1]) if match[1].isdigit() else 0
            if layer >= config.n_layer:
                break
            before = f"h.{layer - 1}.resid_post" if layer else "wpe.out"
            return instead.format(layer, before=before, last=names[-1])
    if name.endswith((".weight", ".bias", ".lora_a", ".lora_b")):
        return "a parameter by GPT.with_params, and activations by name"
    near = get_close_matches(name, names, n=1, cutoff=0.0)
    return f"{near[0]}, the nearest of the {len(names)} that pellucid.models.editable lists"


def _check_index(name: str, index: Index, sizes: Sequence[int | None]) -> None:
    """Raise `ConfigError` unless the index picks from these sizes; None is a size not known yet."""
    shape = ", ".join("T" if size is None else str(size) for size in sizes)
    if len(index) > len(sizes):
        raise ConfigError(
            f"an edit's index must have at most an axis for each of its activation's, and "
            f"{_written(index)} has {len(index)} for {name} ({shape}): leave out the last"
        )
    for at, size in zip(index, sizes, strict=False):
        if isinstance(at, slice):
            bounds = [bound for bound in (at.start, at.stop, at.step) if bound is not None]
            right = all(type(bound) is int and bound >= 0 for bound in bounds) and at.step != 0
        else:
            right = type(at) is int and 0 <= at < (math.inf if size is None else size)
        if not right:
            raise ConfigError(
                f"an edit's index must lie within its activation, counted from 0, and "
                f"{_written(index)} does not: {name} is ({shape})"
            )


def _written(index: Index) -> str:
    return "[" + ", ".join(":" if at == slice(None) else str(at) for at in index) + "]"


def _finite(edit: Edit, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The value as a tensor of the model's kind; `ConfigError` where it is no finite number."""
    try:
        value = torch.as_tensor(edit.value, dtype=dtype, device=device).detach()
    except (TypeError, ValueError, RuntimeError):
        value = torch.tensor(math.nan)
    if not bool(value.isfinite().all()):
        came = edit.value if not isinstance(edit.value, Tensor) else "a tensor with others in it"
        raise ConfigError(
            f"an edit's value must be finite numbers in {str(dtype).removeprefix('torch.')}, and "
            f"{came!r} came for {edit.name}: give a number such as 0.5"
        )
    return value
