"""Pre-norm blocks of packed weights, one or a stack of them, in one native call.

Keys and values are kept in place. Where the library is not there, or blocks are others than it
knows, they are computed part by part by the pairs of the table.
"""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid import layers, native
from pellucid.kernels.described import LAYER_NORM, RMS_NORM, BlockKind, Described, Told, described
from pellucid.kernels.kept import HeadSizes, KVCache, with_room
from pellucid.kernels.packed_attention import ATTENTION
from pellucid.kernels.packed_linear import no_backward
from pellucid.kernels.packing import PackedWeight
from pellucid.layers import Ops, Pair, StackCache, causal_mask
from pellucid.layers.stack import alike
from pellucid.tape import NULL_TAPE, NullTape
from pellucid.tree import Tree

GPT_BLOCK = BlockKind(
    layers.block,
    LAYER_NORM,
    {"q": "c_attn", "out": "c_proj"},
    {"up": "c_fc", "down": "c_proj"},
)
"""Its c_attn makes queries, keys and values at once."""

LLAMA_BLOCK = BlockKind(
    layers.gated_block,
    RMS_NORM,
    {"q": "q_proj", "k": "k_proj", "v": "v_proj", "out": "c_proj"},
    {"gate": "gate_proj", "up": "up_proj", "down": "c_proj"},
)

NOISES = ("attn_noise", "resid_noise", "mlp_noise")


class KeptCache(NamedTuple):
    """A block's cache, of which there is only what a next call goes on from."""

    past: KVCache

    @property
    def attn(self) -> "KeptCache":
        """Where a block's cache has its past."""
        return self


def block(
    resid_pre: Tensor, *, tape: NullTape = NULL_TAPE, **told: Any
) -> tuple[Tensor, KeptCache | Any]:
    """As `pellucid.layers.block`; a mask hides the future, and what is before a window."""
    return _one(GPT_BLOCK, resid_pre, told)


def gated_block(
    resid_pre: Tensor, *, tape: NullTape = NULL_TAPE, **told: Any
) -> tuple[Tensor, KeptCache | Any]:
    """As `pellucid.layers.gated_block`; a mask hides the future, and what is before a window."""
    return _one(LLAMA_BLOCK, resid_pre, told)


BLOCK = Pair(block, no_backward)
GATED_BLOCK = Pair(gated_block, no_backward)
KINDS = {BLOCK: GPT_BLOCK, GATED_BLOCK: LLAMA_BLOCK}


def stack(
    x: Tensor,
    *beside: Any,
    h: Tree,
    ln_f: Tree | None = None,
    block: Pair,
    normalize: Pair,
    eps: float,
    style: Mapping[str, Any],
    ops: Ops,
    past: Sequence[Any] | None = None,
    noise: Mapping[str, Any] | None = None,
    own: Callable[[int], Mapping[str, Any]] = alike,
    tape: NullTape = NULL_TAPE,
    **told: Any,
) -> tuple[Tensor, StackCache]:
    """As `pellucid.layers.stack`: all blocks, and the last norm, are one native call."""
    kind, found = KINDS.get(block), None
    if kind is not None and not beside and not noise and h:
        all_told = {**told, **style, "eps": eps, "ops": ops}
        found = described(kind, h.values(), ln_f, all_told, trees=(h,))
    if found is not None:
        owns = [own(int(number)) for number in h]
        came = _natively(found, x, owns, told.get("mask"), past)
        if came is not None:
            return came[0], StackCache(tuple(map(KeptCache, came[1])), None)
    return layers.stack(
        x,
        *beside,
        h=h,
        ln_f=ln_f,
        block=block,
        normalize=normalize,
        eps=eps,
        style=style,
        ops=ops,
        past=past,
        noise=noise,
        own=own,
        tape=tape,
        **told,
    )


STACK = Pair(stack, no_backward)


def _one(kind: BlockKind, x: Tensor, told: Told) -> tuple[Tensor, Any]:
    """One block, natively or by the pairs of the table, which round attention as the library."""
    drops = any(told.get(noise) is not None for noise in NOISES)
    if not drops:
        trees = tuple(told[name] for name in ("ln_1", "attn", "ln_2", "mlp"))
        found = described(kind, [told], None, told, trees=trees)
        past = told.get("past")
        came = found and _natively(found, x, [told], None, None if past is None else [past])
        if came:
            return came[0], KeptCache(came[1][0])
    ops, weights = told["ops"], [part["weight"] for part in kind.maps(told).values()]
    rounds = any(isinstance(one, PackedWeight) and one.form != "float32" for one in weights)
    if rounds and told.get("norm", "pre") == "pre" and not drops:
        ops = replace(ops, scaled_dot_product=ATTENTION)
    return kind.reference(x, **{**told, "ops": ops})


def _natively(
    found: Described,
    x: Tensor,
    owns: Sequence[Told],
    mask: Tensor | None,
    past: Sequence[Any] | None,
) -> tuple[Tensor, list[KVCache]] | None:
    """What the blocks make of x, and what each keeps; None where the library cannot say.

    Each block is told its own `cos`, `sin` and `mask`, or `mask` as all.
    """
    table = native.library()
    length = x.shape[-2]
    start = past[0].length if past else 0
    if table is None or x.dim() > 3:
        return None
    positions = _told_positions(found, owns, mask, length, start + length)
    if positions is None:
        return None
    x = x.float().contiguous()
    batch, count = (x.shape[0] if x.dim() == 3 else 1), len(owns)
    buffer = with_room(past, HeadSizes(count, batch, *found.heads), length, found.kept_as)
    out = torch.empty_like(x)
    passed = native.Pass(
        x=x.data_ptr(),
        out=out.data_ptr(),
        keys=buffer.keys.data_ptr(),
        values=buffer.values.data_ptr(),
        **{name: at.data_ptr() for name, at in positions.items()},
        batch=batch,
        length=length,
        room=buffer.room,
        start=start,
        kept=0 if found.kept_as == torch.float32 else 1,
        threads=torch.get_num_threads(),
    )
    table.blocks(found.blocks, count, found.last, ctypes.byref(passed))
    buffer.used = start + length
    batched = x.dim() == 3
    return out, [KVCache(buffer, number, buffer.used, batched=batched) for number in range(count)]


def _told_positions(
    found: Described, owns: Sequence[Told], mask: Tensor | None, length: int, total: int
) -> dict[str, Tensor] | None:
    """What a call is told of its positions; each block is told which of it concerns it."""
    causal = None if length == 1 else causal_mask(length, total, torch.device("cpu"))
    told: dict[str, Tensor] = {}
    concerned: dict[int, tuple[bool, bool]] = {}  # by the identity of what blocks are told
    for own in {id(one): one for one in owns}.values():
        turned, seen = own.get("cos"), own.get("mask", mask)
        concerned[id(own)] = (turned is not None, seen is not causal)
        if turned is not None:
            if told.setdefault("cos", turned) is not turned:
                return None
            told["sin"] = own["sin"]
        if seen is not causal:
            if seen is None or tuple(seen.shape) != (length, total):
                return None
            if told.setdefault("sight", seen) is not seen:
                return None
    found.concern([concerned[id(own)] for own in owns])
    return {name: at.contiguous() for name, at in told.items()}
