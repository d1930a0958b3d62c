"""What GGUF files of all architectures share: whose settings are whose, and names of tensors.

Source: llama.cpp, gguf-py/gguf/constants.py and src/llama-arch.cpp.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pellucid.errors import CheckpointError
from pellucid.models.adapter import Stored

ARCHITECTURE = "general.architecture"
"""The setting that says how all others of the model begin."""

_BLOCK = re.compile(r"(?:blk|h)\.(\d+)\.(.+)")


def own_settings(
    stored: Stored,
    architecture: str,
    *,
    needed: Iterable[str],
    used: Collection[str] = (),
    idle: Collection[str] = (),
) -> dict[str, Any]:
    """The settings behind the architecture's name; `CheckpointError` for one that is not known.

    Those that are `needed` must be there; those that are `idle` change no formula.
    """
    prefix = f"{architecture}."
    own = {
        name.removeprefix(prefix): value
        for name, value in stored.settings.items()
        if name.startswith(prefix)
    }
    if missing := [prefix + name for name in needed if name not in own]:
        raise CheckpointError(
            f"{stored.settings_at} must give the sizes of the model; it lacks "
            f"{', '.join(missing)}; write the file again"
        )
    if odd := sorted(own.keys() - {*needed, *used, *idle}):
        raise CheckpointError(
            f"{stored.settings_at}: each setting must be one that is known of llama.cpp's "
            f"{architecture}; {prefix}{odd[0]} is {own[odd[0]]!r:.60}, and may change a "
            "formula; such a model cannot be loaded"
        )
    return own


def check_positive(
    own: Mapping[str, Any], names: Iterable[str], architecture: str, at: object
) -> None:
    """Raise `CheckpointError` where one of these settings is there and is no positive number."""
    for name in names:
        value = own.get(name, 1)
        if type(value) not in {int, float} or value <= 0:
            raise CheckpointError(
                f"{at}: {architecture}.{name} must be one positive number, not {value!r:.60}; such "
                "a model cannot be loaded"
            )


def our_name(name: str, names: Mapping[str, str]) -> str:
    """The tensor's name here, from theirs: `blk.0.attn_q.weight` is `h.0.attn.q_proj.weight`.

    `names` has their paths to ours, within a block and outside.
    """
    return _renamed(name, names, "h")


def their_name(name: str, names: Mapping[str, str]) -> str:
    """The tensor's name there."""
    return _renamed(name, {ours: theirs for theirs, ours in names.items()}, "blk")


def _renamed(name: str, names: Mapping[str, str], blocks: str) -> str:
    block = _BLOCK.fullmatch(name)
    path, dot, end = (block[2] if block else name).rpartition(".")
    renamed = names.get(path, path) + dot + end
    return f"{blocks}.{block[1]}.{renamed}" if block else renamed
