"""How transformers' settings say which way a model turns by position, in old files and new ones.

Older files have `rope_theta` and `rope_scaling` beside each other, those from version 5 on both in
`rope_parameters`.
"""

from collections.abc import Mapping
from typing import Any

from pellucid.errors import CheckpointError
from pellucid.models.llama.config import LlamaConfig, RotaryScaling

ROPE = ("rope_theta", "rope_scaling", "rope_parameters")
"""The settings that are read here."""

BASE = 10_000.0
"""Where none is given."""

_LLAMA3 = {
    "low": "low_freq_factor",
    "high": "high_freq_factor",
    "trained": "original_max_position_embeddings",
}
_KINDS = ("default", "linear", "llama3")


def rope_fields(settings: Mapping[str, Any], at: object) -> dict[str, Any]:
    """Our fields; `CheckpointError` for a scaling that is not known here."""
    said = dict(_mapping(settings.get("rope_scaling"), at))
    said |= _mapping(settings.get("rope_parameters"), at)
    base = said.pop("rope_theta", settings.get("rope_theta", BASE))
    kind = said.pop("rope_type", said.pop("type", "default"))
    said.pop("type", None)
    if kind not in _KINDS:
        raise CheckpointError(
            f"{at}: rotary scaling must be one of {', '.join(_KINDS)}; it is {kind!r}; such a "
            "model cannot be loaded"
        )
    wanted: tuple[str, ...] = () if kind == "default" else ("factor",)
    wanted += tuple(_LLAMA3.values()) if kind == "llama3" else ()
    wrong = [*(name for name in wanted if name not in said), *(said.keys() - set(wanted))]
    if wrong:
        raise CheckpointError(
            f"{at}: {kind} rotary scaling must have {', '.join(wanted) or 'no numbers'}; it has "
            f"{', '.join(map(str, said)) or 'none'}; restore the file"
        )
    scaling = None
    if kind != "default":
        own = {ours: said[theirs] for ours, theirs in _LLAMA3.items() if theirs in said}
        scaling = {"factor": said["factor"], **own}
    return {"rope_base": base, "rope_scaling": scaling}


def rope_settings(config: LlamaConfig) -> dict[str, Any]:
    """The same in transformers' words, as all versions read them."""
    return {"rope_theta": config.rope_base, "rope_scaling": _written(config.rope_scaling)}


def _written(scaling: RotaryScaling | None) -> dict[str, Any] | None:
    if scaling is None:
        return None
    if scaling.low is None:
        return {"rope_type": "linear", "factor": scaling.factor}
    own = {theirs: getattr(scaling, ours) for ours, theirs in _LLAMA3.items()}
    return {"rope_type": "llama3", "factor": scaling.factor, **own}


def _mapping(value: Any, at: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise CheckpointError(
            f"{at}: rope_scaling and rope_parameters must be objects; one is {value!r:.60}; "
            "restore the file"
        )
    return value
