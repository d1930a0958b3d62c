"""What the native library is told of pre-norm blocks: see `Block` in native.h."""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid import native
from pellucid.kernels.packing import PackedWeight
from pellucid.tree import Tree

ACTIVATIONS = ("gelu_tanh", "gelu_erf", "relu", "silu")
LAYER_NORM, RMS_NORM = 1, 2
"""In the order of native.h."""

CHOICES = ("activation", "n_head", "n_kv_head", "eps")
"""What blocks are told that their description depends on."""

Told = Mapping[str, Any]


class BlockKind(NamedTuple):
    """A block of the reference, and which of its parts are what in the library's words."""

    reference: Callable[..., tuple[Tensor, Any]]
    norm: int
    attn: Mapping[str, str]
    mlp: Mapping[str, str]

    def maps(self, block: Told) -> dict[str, Tree]:
        """The weight and bias of each linear map of a block, by the library's names."""
        halves = ((self.attn, block["attn"]), (self.mlp, block["mlp"]))
        return {ours: half[theirs] for names, half in halves for ours, theirs in names.items()}


class Described(NamedTuple):
    """Blocks as the library is told of them, and the norm after them.

    Keys and values are kept in float32 beside weights that all are, and otherwise in bfloat16.
    """

    blocks: Any  # an array of native.Block
    last: native.NormStruct | None
    kept_as: torch.dtype
    heads: tuple[int, int]  # of keys, and the size of a head
    made_from: tuple[Any, ...]
    concerns: list[tuple[bool, bool]]

    def concern(self, concerned: list[tuple[bool, bool]]) -> None:
        """Tell each block whether positions turn it, and whether it has a window."""
        if concerned != self.concerns:
            self.concerns[:] = concerned
            for block, (turned, windowed) in zip(self.blocks, concerned, strict=True):
                block.turned, block.windowed = turned, windowed


def described(
    kind: BlockKind,
    blocks: Iterable[Told],
    ln_f: Tree | None,
    told: Told,
    *,
    trees: tuple[Any, ...],
) -> Described | None:
    """What the library is told of blocks that are `told` the same; None where it knows no such.

    It is made once, since a token's time is short, and again for other `trees` of parameters.
    """
    key = next(iter(blocks))["attn"][kind.attn["q"]].get("weight")
    if not isinstance(key, PackedWeight) or told.get("norm", "pre") != "pre":
        return None
    made_from = (*trees, ln_f, *map(told.get, CHOICES))
    found: Described | None = key.known.get(len(trees))
    if found is None or not all(map(operator.is_, found.made_from, made_from)):
        found = _described(kind, list(blocks), ln_f, told, made_from)
        key.known[len(trees)] = found
    return found


def _described(
    kind: BlockKind, blocks: list[Told], ln_f: Tree | None, told: Told, made_from: tuple[Any, ...]
) -> Described | None:
    maps = [kind.maps(block) for block in blocks]
    weights = [part["weight"] for block in maps for part in block.values()]
    if any(not isinstance(weight, PackedWeight) for weight in weights):
        return None
    sizes = {tuple(part["weight"].shape for part in block.values()) for block in maps}
    activations = [getattr(told["ops"], name) for name in ACTIVATIONS]
    if len(sizes) > 1 or told["activation"] not in activations:
        return None
    width, columns = maps[0]["q"]["weight"].shape
    n_head, n_kv_head = told["n_head"], told.get("n_kv_head", told["n_head"])
    size = columns // (n_head if "k" in maps[0] else n_head + 2 * n_kv_head)
    eps, number = told["eps"], activations.index(told["activation"])
    made = [
        native.Block(
            **{name: part["weight"].weight(part.get("bias")) for name, part in own.items()},
            before_attention=_norm(kind.norm, block["ln_1"], eps),
            of_queries=_norm(RMS_NORM, block["attn"].get("q_norm"), eps),
            of_keys=_norm(RMS_NORM, block["attn"].get("k_norm"), eps),
            before_mlp=_norm(kind.norm, block["ln_2"], eps),
            width=width,
            heads=n_head,
            kv_heads=n_kv_head,
            head_size=size,
            activation=number,
        )
        for block, own in zip(blocks, maps, strict=True)
    ]
    whole = all(weight.form == "float32" for weight in weights)
    return Described(
        (native.Block * len(made))(*made),
        None if ln_f is None else _norm(kind.norm, ln_f, eps),
        torch.float32 if whole else torch.bfloat16,
        (n_kv_head, size),
        made_from,
        [],
    )


def _norm(kind: int, part: Tree | None, eps: float) -> native.NormStruct:
    if part is None:
        return native.NormStruct()
    bias = part.get("bias")
    return native.NormStruct(
        part["weight"].data_ptr(), None if bias is None else bias.data_ptr(), eps, kind
    )
