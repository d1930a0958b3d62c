"""What a pack's manifest must be: checked once, so that nothing after has to expect anything."""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pellucid.checkpoint.read import broken
from pellucid.errors import ConfigError
from pellucid.layers import IGNORE
from pellucid.models import ARCHITECTURES, GPT, CausalModel
from pellucid.models.adapter import configure
from pellucid.optim import BETAS
from pellucid.reference.checksum import PROJECTIONS, RUN
from pellucid.reference.decoding import IDS, LOGITS, SAMPLED, UNIFORM, sampling_of
from pellucid.train import check_update

MANIFEST = "manifest.json"
FORMAT = "pellucid_reference"
VERSIONS = (1, 2)
"""Those that are read; 2 is written where readers of 1 would take something wrongly."""

SETTINGS = {"optimizer", "learning_rate", "weight_decay"}
"""The update's settings that version 1 has."""

MOST = 1 << 60
"""No model has so many parameters."""

PARTS = ("given", "forward", "backward", "update")
BEFORE = GPT.architecture
"""The architecture where a manifest does not say it: once there was no other."""

_KINDS: dict[str, type[CausalModel]] = {
    name: kind for name, kind in ARCHITECTURES.items() if issubclass(kind, CausalModel)
}

DTYPES = ("float64", "float32", "float16", "bfloat16")


def check_manifest(file: Path, manifest: Mapping[str, Any]) -> CausalModel:
    """The model without its weights; `CheckpointError` in one line for all that is not as written.

    The format is docs/reference-pack.md's. Files are beside the manifest, under plain names.
    """
    if manifest.get(FORMAT) not in VERSIONS:
        known = " or ".join(map(str, VERSIONS))
        raise broken(file, f"a reference pack's, with {FORMAT!r} {known}", manifest.get(FORMAT))
    wrong = next(_wrong(manifest), None)
    if wrong is not None:
        raise broken(file, "a manifest as in docs/reference-pack.md", wrong)
    about = manifest["model"]
    kind = _KINDS[about.get("architecture", BEFORE)]
    config = configure(file, partial(_config, kind), **about["config"])
    wrong = next(_unfit(manifest, config), None)
    if wrong is not None:
        raise broken(file, "a manifest of its own model", wrong)
    return kind.without_weights(config)


def _config(kind: type[CausalModel], /, **fields: Any) -> Any:
    try:
        return kind.Config(**fields)
    except TypeError as error:
        raise ConfigError(
            f"config has a field that a {kind.architecture} does not have: {error}"
        ) from None


def _wrong(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What is not of its form, key by key."""
    model, update, steps = (manifest.get(key) for key in ("model", "update", "steps"))
    if not isinstance(model, dict) or not isinstance(model.get("config"), dict):
        yield "model must be an object with a config"
        return
    kind = model.get("architecture", BEFORE)
    if not (isinstance(kind, str) and kind in _KINDS):
        yield f"model.architecture must be one of {', '.join(_KINDS)}"
        return
    for key in ("source", "sha256"):
        if not isinstance(model.get(key), str):
            yield f"model.{key} must be a text"
    if model.get("dtype") not in DTYPES:
        yield f"model.dtype must be one of {', '.join(DTYPES)}"
    if not _whole(steps, 1):
        yield "steps must be a whole number from 1 on"
        return
    yield from _wrong_update(update, manifest["steps"])
    losses = manifest.get("losses")
    if not isinstance(losses, dict) or not losses or not losses.keys() <= set(DTYPES):
        yield f"losses must have a list for each dtype, of {', '.join(DTYPES)}"
        return
    for dtype, own in losses.items():
        if not isinstance(own, list) or len(own) != steps or not all(map(_number, own)):
            yield f"losses.{dtype} must be {steps} numbers, one for each of the steps"
    for key in ("tokens", "targets"):
        if _shape(manifest.get(key)) is None:
            yield f"{key} must be whole numbers, in a list or in lists of one length"
    yield from _wrong_decoding(manifest.get("decoding"))
    yield from _wrong_texts(manifest.get("texts", []))
    if not isinstance(manifest.get("tensors"), list):
        yield "tensors must be a list"
        return
    yield from _wrong_rows(manifest["tensors"], set(losses))


def _wrong_update(update: Any, steps: int) -> Iterator[str]:
    if not isinstance(update, dict) or not _number(update.get("learning_rate")):
        yield "update must be an object with a learning_rate"
        return
    decay = update.get("weight_decay")
    if update.get("optimizer", "adamw") == "adamw" and not _number(decay):
        yield "update.weight_decay must be a number"
        return
    for key, count in {"betas": len(BETAS), "learning_rates": steps}.items():
        own = update.get(key, [0.0] * count)
        if not isinstance(own, list) or len(own) != count or not all(map(_number, own)):
            yield f"update.{key} must be {count} numbers"
            return
    if wrong := [key for key in ("eps", "clip") if not _number(update.get(key, 0.0))]:
        yield f"update.{wrong[0]} must be a number"
        return
    try:
        check_update(update)
    except (ConfigError, TypeError) as error:
        yield f"update: {error}"


def _wrong_decoding(decoding: Any) -> Iterator[str]:
    if decoding is None:
        return
    if not isinstance(decoding, dict) or not _whole(decoding.get("steps"), 1):
        yield "decoding must be an object with a whole number of steps from 1 on"
    elif len(_shape(decoding.get("prompt")) or ()) != 1:
        yield "decoding.prompt must be a list of whole numbers"
    elif not isinstance(decoding.get("sampling"), dict):
        yield "decoding.sampling must be an object"
    else:
        try:
            sampling_of({"decoding": decoding})
        except (ConfigError, TypeError) as error:
            yield f"decoding.sampling: {error}"


def _wrong_texts(texts: Any) -> Iterator[str]:
    if not isinstance(texts, list):
        yield "texts must be a list"
        return
    for place, row in enumerate(texts):
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            yield f"texts[{place}] must be an object with a text"
        elif not isinstance(row.get("ids"), list) or not all(map(_whole, row["ids"])):
            yield f"texts[{place}].ids must be a list of whole numbers"


def _wrong_rows(rows: list[Any], dtypes: set[str]) -> Iterator[str]:
    """What is wrong with the tensors, each of which stands in a file or is another."""
    named = {row["name"]: row for row in rows if isinstance(row, dict) and _text(row.get("name"))}
    if len(named) < len(rows):
        yield "each of the tensors must be an object with a name of its own"
        return
    for name, row in named.items():
        shape, kept = row.get("shape"), row.get("kept")
        if row.get("part") not in PARTS:
            yield f"{name}: part must be one of {', '.join(PARTS)}"
        elif not _sizes(shape):
            yield f"{name}: shape must be a list of sizes"
        elif "runs" in row and (wrong := _wrong_runs(row)):
            yield f"{name}: {wrong}"
        elif "kept" in row and not (_sizes(kept) and _within(kept, shape)):
            yield f"{name}: kept must be a size for each of the shape's, and none larger"
        elif ("same_as" in row) == ("files" in row):
            yield f"{name} must have files or same_as, and not both"
        elif "same_as" in row:
            same = row["same_as"]
            origin = named.get(same) if _text(same) else None
            if origin is None or "files" not in origin or origin.get("shape") != shape:
                yield f"{name}: same_as must name a tensor of its shape that has files"
        else:
            yield from _wrong_files(name, row["files"], dtypes)
    yield from (f"{name} is not among the tensors" for name in ALWAYS if name not in named)


ALWAYS = ("tokens", "targets", "loss", "step.losses")
"""What is in every pack whole, whatever was selected."""


def _wrong_runs(row: Mapping[str, Any]) -> str:
    """What is wrong with a tensor of which runs are kept, and checksums."""
    runs, checks, count = row["runs"], row.get("checks"), math.prod(row["shape"]) // RUN
    if "kept" in row or not isinstance(runs, list) or not runs:
        return "runs must be a list of numbers, in the place of kept"
    if not all(map(_whole, runs)) or sorted(set(runs)) != runs or runs[-1] >= count:
        return f"runs must be whole numbers in rising order, below {count}"
    numbers = ("finite", "sum", "squares", "largest")
    if not isinstance(checks, dict) or not all(_number(checks.get(key)) for key in numbers):
        return f"checks must have the numbers {', '.join(numbers)}"
    own = checks.get("projections")
    if not isinstance(own, list) or len(own) != PROJECTIONS or not all(map(_number, own)):
        return f"checks.projections must be {PROJECTIONS} numbers"
    return ""


def _wrong_files(name: str, files: Any, dtypes: set[str]) -> Iterator[str]:
    if not isinstance(files, dict) or files.keys() != dtypes:
        yield f"{name}: files must have a name for each of {', '.join(sorted(dtypes))}"
    elif not all(_text(file) and file == Path(file).name for file in files.values()):
        yield f"{name}: files must be names of files beside the manifest"


def _unfit(manifest: Mapping[str, Any], config: Any) -> Iterator[str]:
    """What does not belong to a model of the configuration."""
    shapes = config.parameter_shapes()
    if sum(map(math.prod, shapes.values())) >= MOST:
        yield "model.config must be of a model that there can be, and its sizes are too large"
        return
    for row in manifest["tensors"]:
        wanted = shapes.get(row["name"])
        if wanted is not None and tuple(row["shape"]) != tuple(wanted):
            yield f"{row['name']}: shape must be {list(wanted)}"
    tokens, targets = manifest["tokens"], manifest["targets"]
    shape = _shape(tokens) or ()
    if shape != _shape(targets):
        yield "tokens and targets must have one shape"
    if shape[-1] > config.block_size:
        yield f"tokens must be at most {config.block_size}, the model's block_size"
    decoding = manifest.get("decoding", {"prompt": [0], "steps": 1})
    if len(decoding["prompt"]) + decoding["steps"] - 1 > config.block_size:
        yield f"decoding must end within the model's {config.block_size} positions"
    named = {row["name"]: row["shape"] for row in manifest["tensors"]}
    shapes_of = {name: [decoding["steps"]] for name in (IDS, SAMPLED, UNIFORM)}
    shapes_of[LOGITS] = [decoding["steps"], config.vocab_size]
    for name in (name for name in shapes_of if name in named):
        if "decoding" not in manifest or named[name] != shapes_of[name]:
            yield f"{name}: shape must be {shapes_of[name]}, and the manifest have decoding"
    for key, allowed in (("tokens", set()), ("targets", {IGNORE}), ("decoding.prompt", set())):
        if key == "decoding.prompt":
            manifest = {**manifest, key: decoding["prompt"]}
        rows = manifest[key] if isinstance(manifest[key][0], list) else [manifest[key]]
        ids = [i for row in rows for i in row]
        if any(not 0 <= i < config.vocab_size and i not in allowed for i in ids):
            yield f"{key} must be below {config.vocab_size}, the model's vocab_size"


# -- forms ----------------------------------------------------------------------------------------


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _number(value: Any) -> bool:
    return type(value) in (int, float) and not math.isnan(value)


def _whole(value: Any, least: int = 0) -> bool:
    return type(value) is int and value >= least


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(map(_whole, value))


def _within(kept: Any, shape: Any) -> bool:
    pairs = zip(kept, shape, strict=False)
    return len(kept) == len(shape) and all(own <= whole for own, whole in pairs)


def _shape(ids: Any) -> tuple[int, ...] | None:
    """The shape of token ids, (T,) or (B, T); None where they are none."""
    if not isinstance(ids, list) or not ids:
        return None
    if all(type(token) is int for token in ids):
        return (len(ids),)
    inner = {_shape(row) for row in ids}
    (one,) = inner if len(inner) == 1 else (None,)
    return (len(ids), *one) if one is not None and len(one) == 1 else None
