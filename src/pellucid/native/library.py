"""The native library: loaded once, its functions called with the addresses of tensors."""

import ctypes
import functools
import os
from ctypes import POINTER, Structure, c_char_p, c_float, c_int, c_int32, c_int64, c_void_p
from pathlib import Path

import torch

LIBRARY = Path(__file__).parent / "libpellucid.so.2"
LEVELS = {"portable": 0, "avx2": 1, "dotprod": 1, "avx512": 2}
SWITCH = "PELLUCID_NATIVE"
"""An environment variable: `off`, or the level of processor that is asked for at most."""

STRIDED = frozenset({"q", "k", "v", "z", "dz", "dq", "dk", "dv"})
"""Tensors of attention, each with strides."""


class Weight(Structure):
    """A packed weight, as native.h has it."""

    _fields_ = (
        ("data", c_void_p),
        ("scale", c_void_p),
        ("bias", c_void_p),
        ("inputs", c_int32),
        ("columns", c_int32),
        ("kind", c_int32),
        ("unused", c_int32),
    )


class NormStruct(Structure):
    """A norm of rows, as native.h has it; the kinds are 0 for none, layer norm, RMS norm."""

    _fields_ = (("weight", c_void_p), ("bias", c_void_p), ("eps", c_float), ("kind", c_int32))


class Block(Structure):
    """The parameters and choices of a pre-norm block, as native.h has it."""

    _fields_ = (
        *(
            (name, NormStruct)
            for name in ("before_attention", "of_queries", "of_keys", "before_mlp")
        ),
        *((name, Weight) for name in ("q", "k", "v", "out", "gate", "up", "down")),
        *((name, c_int32) for name in ("width", "heads", "kv_heads", "head_size")),
        *((name, c_int32) for name in ("activation", "turned", "windowed", "unused")),
    )


class Pass(Structure):
    """What a call computes, as native.h has it."""

    _fields_ = (
        *((name, c_void_p) for name in ("x", "out", "keys", "values", "cos", "sin", "sight")),
        *((name, c_int64) for name in ("batch", "length", "room", "start")),
        *((name, c_int32) for name in ("kept", "threads")),
    )


class Attention(Structure):
    """Attention for training, as native.h has it."""

    _fields_ = (
        *((name, c_void_p) for name in ("q", "k", "v", "z", "logsumexp", "dz", "dq", "dk", "dv")),
        *((f"{name}_strides", c_int64 * 3) for name in ("q", "k", "v", "z")),
        *((f"{name}_strides", c_int64 * 3) for name in ("dz", "dq", "dk", "dv")),
        *((name, c_int64) for name in ("batch", "heads", "length", "d", "kind")),
    )


class Leaf(Structure):
    """A weight that AdamW moves, as native.h has it."""

    _fields_ = (
        *((name, c_void_p) for name in ("weight", "m", "v", "slope")),
        *((name, c_void_p) for name in ("new_weight", "new_m", "new_v", "copy")),
        ("count", c_int64),
        ("kind", c_int32),
        ("decay", c_float),
    )


class Rates(Structure):
    """What a step of AdamW is told, as native.h has it."""

    _fields_ = tuple(
        (name, c_float)
        for name in ("rate", "beta1", "beta2", "eps", "correction1", "correction2", "factor")
    )


_LINEAR = ctypes.CFUNCTYPE(None, POINTER(Weight), c_void_p, c_void_p, c_int64, c_int)
_BLOCKS = ctypes.CFUNCTYPE(None, POINTER(Block), c_int, POINTER(NormStruct), POINTER(Pass))
_ATTEND = ctypes.CFUNCTYPE(None, POINTER(Attention), c_int, c_int)
_SQUARE_SUMS = ctypes.CFUNCTYPE(None, POINTER(Leaf), c_int64, c_void_p, c_int)
_ADAMW = ctypes.CFUNCTYPE(None, POINTER(Leaf), c_int64, POINTER(Rates), c_int)


class KernelTable(Structure):
    """The kernels for one kind of processor."""

    _fields_ = (
        ("name", c_char_p),
        ("linear", _LINEAR),
        ("blocks", _BLOCKS),
        ("attend", _ATTEND),
        ("square_sums", _SQUARE_SUMS),
        ("adamw", _ADAMW),
    )


def level() -> str:
    """The kind of processor that the kernels in use are for; nothing where there are none."""
    table = library()
    return "" if table is None else table.name.decode()


def missing() -> str:
    """Why there are no native kernels, as one line; nothing where there are."""
    if library() is not None:
        return ""
    if os.environ.get(SWITCH, "").lower() == "off":
        return f"the native kernels are switched off by {SWITCH}"
    return "the native kernels are not there (python -m pellucid.native.build builds them)"


@functools.cache
def library() -> KernelTable | None:
    """The kernels for this processor; None where the library was not built or is switched off."""
    wanted = os.environ.get(SWITCH, "").lower()
    if wanted == "off" or not LIBRARY.exists():
        return None
    # PyTorch is loaded before, so that both use one OpenMP and one pool of threads.
    assert torch.get_num_threads()
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
    except OSError:
        return None
    loaded.pellucid_table.restype = POINTER(KernelTable)
    for level in range(LEVELS.get(wanted, max(LEVELS.values())), -1, -1):
        if found := loaded.pellucid_table(level):
            table: KernelTable = found.contents
            return table
    return None
