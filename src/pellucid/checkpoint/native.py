"""Pellucid's own format: `config.json` beside `model.safetensors`, under the names of the code.

    config.json         {"pellucid": 1, "architecture": "gpt", "vocab_size": 50257, …}
    model.safetensors   wte.weight, wpe.weight, h.0.ln_1.weight, …; in its header, config.json again

The weights alone are a whole checkpoint. `config.json` is there for people and other programs, and
must say the same.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

from pellucid.checkpoint.check import Found, check_weights_alone
from pellucid.checkpoint.read import CONFIG, WEIGHTS, broken, read_safetensors
from pellucid.checkpoint.write import write
from pellucid.errors import CheckpointError
from pellucid.files import parse_json
from pellucid.models import ARCHITECTURES, Model
from pellucid.models.adapter import Unopened, check, configure
from pellucid.tree import flatten

KEY = "pellucid"
VERSION = 1


def save(
    model: Model, directory: str | PathLike[str], *, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a model into a directory, in the dtype it has; other files there are left alone.

    A checkpoint that is already there is replaced: at every moment, even if the machine stops, the
    earlier or the new one loads, whole. `metadata` goes into the header of the weights, from where
    `read_metadata` reads it.

    Raises `WriteError` where the directory cannot be written, `CheckpointError` where the
    parameters are not those of the model's configuration, or where `metadata` is not text.
    """
    place, notes = Path(directory), dict(metadata or {})
    if KEY in notes or not all(isinstance(text, str) for pair in notes.items() for text in pair):
        raise CheckpointError(
            f"metadata must be text under names other than {KEY!r}; {notes!r} came; "
            "turn its values into strings"
        )
    check_weights_alone(model)
    tensors = flatten(model.params)
    check(model.config.parameter_shapes(), tensors, place / WEIGHTS)
    settings = {KEY: VERSION, "architecture": model.architecture} | model.config.to_dict()
    write(place, settings, tensors, {"format": "pt"} | notes | {KEY: json.dumps(settings)})


def read_metadata(directory: str | PathLike[str]) -> dict[str, str]:
    """The metadata that `save` was given, from the weights in this directory."""
    _, header = read_safetensors(Path(directory) / WEIGHTS)
    return {key: text for key, text in header.items() if key not in {KEY, "format"}}


def read(weights: Path, settings: dict[str, Any] | None) -> Found:
    """A model of ours from its weights and, where there is one, the content of its config.json."""
    tensors, header = read_safetensors(weights)
    inscribed = _inscribed(weights, header)
    if settings is None and inscribed is None:
        raise CheckpointError(
            f"{weights} must have a {CONFIG} beside it, or a header that says what model it is; it "
            f"has neither; put the {CONFIG} of its model there"
        )
    both = settings.keys() | inscribed.keys() if settings and inscribed else ()
    for key in sorted(both):
        # As text, since a NaN is not even itself.
        one, other = _said(settings or {}, key), _said(inscribed or {}, key)
        if one != other:
            raise CheckpointError(
                f"{weights.with_name(CONFIG)} must say what the header of {WEIGHTS} says; {key} "
                f"is {one} in the one and {other} in the other; restore the value, or delete "
                f"{CONFIG} to go by the header"
            )
    return _found(weights, settings or inscribed or {}, tensors)


def _said(settings: dict[str, Any], key: str) -> str:
    return repr(settings[key]) if key in settings else "missing"


def is_inscribed(weights: Path) -> bool:
    """Whether this is a file whose header says that it is a model of ours."""
    return weights.exists() and KEY in read_safetensors(weights)[1]


def _inscribed(weights: Path, header: dict[str, str]) -> dict[str, Any] | None:
    """The settings in the weights' own header, if they have any."""
    if KEY not in header:
        return None
    try:
        settings = parse_json(header[KEY])
    except ValueError as error:
        raise broken(weights, "safetensors with JSON in its header", error) from error
    if not isinstance(settings, dict):
        raise broken(weights, "safetensors with a JSON object in its header", "it has another")
    return settings


def _found(weights: Path, settings: dict[str, Any], tensors: Unopened) -> Found:
    """What settings of this version describe, if they are complete and have nothing else."""
    file = weights.with_name(CONFIG)
    version, architecture = settings.get(KEY), settings.get("architecture")
    kind = ARCHITECTURES.get(architecture) if isinstance(architecture, str) else None
    if version != VERSION or kind is None:
        came = {KEY: version, "architecture": architecture}
        raise CheckpointError(
            f"{file} must be of version {VERSION} and of an architecture among "
            f"{', '.join(map(repr, ARCHITECTURES))}; it is {came}; load it with the Pellucid that "
            "wrote it"
        )
    settings = {**getattr(kind.Config, "later", {}), **settings}
    known = {field.name for field in fields(kind.Config)}
    if wrong := sorted(known ^ (settings.keys() - {KEY, "architecture"})):
        raise CheckpointError(
            f"{file} must have the settings {', '.join(sorted(known))} and no others; "
            f"{wrong[0]!r} is {'missing' if wrong[0] in known else 'unknown'}; restore the file"
        )
    config = configure(file, kind.Config, **{name: settings[name] for name in known})
    return Found(config, tensors, weights, kind)
