"""The C kit of a pack: a header of the run, test vectors, and a reader, a dumper and a sample.

The files that are the same for every run stand in `kit/`.
"""

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from pellucid.checkpoint.dumps import DTYPES, append_dump, dump_index
from pellucid.files import write_text
from pellucid.optim import OPTIMIZERS
from pellucid.reference.run import ReferenceRun
from pellucid.reference.vectors import CallVectors, dumped_vectors, listed, vectors_of

HEADER, VECTORS = "pellucid_pack.h", "vectors.bin"
KIT = ("pellucid.h", "pellucid.c", "main.c", "pellucid.rs", "pellucid.js", "Makefile")

_PROPERTIES = {"n_inner": "inner", "head_size": "head"}
"""What tells a size that a configuration leaves open."""

_WORDS = {dtype: word for word, dtype in DTYPES.items()}


def write_kit(run: ReferenceRun, place: Path, manifest: dict[str, Any]) -> None:
    """Write all of it beside a pack's `.bin`, and into the manifest which vectors there are."""
    vectors = vectors_of(run.first_step(torch.float32))
    append_dump(place / VECTORS, dumped_vectors(vectors))
    manifest["vectors"] = listed(vectors)
    write_text(place / HEADER, "\n".join(_header(run, place, manifest, vectors)) + "\n")
    for name in KIT:
        own = files(__package__).joinpath("kit", name)
        write_text(place / name, own.read_text(encoding="utf-8"))


def _header(
    run: ReferenceRun, place: Path, manifest: Mapping[str, Any], vectors: list[CallVectors]
) -> Iterator[str]:
    dtypes = list(manifest["losses"])
    dtype = "float32" if "float32" in dtypes else dtypes[0]
    file = f"{dtype}.bin"
    yield f"/* {manifest['made_by']} wrote this for one run: its sizes, its settings, its tensors."
    yield "   Numbers of which there is no C form, as None, are left out. */"
    yield "#ifndef PELLUCID_PACK_H"
    yield "#define PELLUCID_PACK_H"
    yield ""
    yield "/* The model. A number that is true or false is 1 or 0. */"
    yield _define("ARCHITECTURE", run.model.architecture)
    config = manifest["model"]["config"]
    open_ones = {key: getattr(run.model.config, name, None) for key, name in _PROPERTIES.items()}
    yield from _defines(config | {key: size for key, size in open_ones.items() if size})
    yield ""
    yield "/* What it read, (B, T), and was to predict; a target of -100 is none. */"
    tokens = torch.atleast_2d(run.tokens)
    yield _define("B", tokens.shape[0])
    yield _define("T", tokens.shape[1])
    yield _array("int", "pellucid_tokens", run.tokens.flatten().tolist())
    yield _array("int", "pellucid_targets", run.targets.flatten().tolist())
    yield ""
    yield "/* How its weights move. What has fewer than two axes does not decay. */"
    yield from _defines(_settings(run.update), "update_")
    yield _define("steps", run.steps)
    yield "/* The loss before each step. */"
    yield _array("double", "pellucid_losses", manifest["losses"][dtype])
    yield ""
    yield from _tensors(place, file, manifest)
    yield ""
    yield f"/* What {VECTORS} has, and what the same tensor is called in the run. */"
    yield "static const struct {"
    yield "    const char *name, *in_run;"
    yield "} pellucid_vectors[] = {"
    pairs = [(f"{v.function}.{key}", name) for v in vectors for key, name in v.in_run.items()]
    yield from (f"    {{{_text(name)}, {_text(in_run)}}}," for name, in_run in pairs)
    yield "};"
    yield _define("VECTORS", len(pairs))
    yield ""
    yield "#endif"


def _tensors(place: Path, file: str, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Where each tensor is, also under its second names."""
    index = dump_index(place / file)
    yield f"/* Where each tensor is: its first number stands at byte `offset` of {file}. */"
    yield _define("FILE", file)
    yield "static const struct {"
    yield "    const char *name, *dtype;"
    yield "    int axes;"
    yield "    long long shape[8], offset;"
    yield "} pellucid_tensors[] = {"
    for row in manifest["tensors"]:
        entry = index[row.get("same_as", row["name"])]
        shape = ", ".join(map(str, entry.shape)) or "0"
        kind = f"{_text(_WORDS[entry.dtype])}, {len(entry.shape)}"
        yield f"    {{{_text(row['name'])}, {kind}, {{{shape}}}, {entry.offset}}},"
    yield "};"
    yield _define("TENSORS", len(manifest["tensors"]))


def _settings(update: Mapping[str, Any]) -> dict[str, Any]:
    """The optimizer's settings, with those that it has where none are given."""
    name = update.get("optimizer", "adamw")
    parameters = inspect.signature(OPTIMIZERS[name]).parameters.values()
    known = {one.name: one.default for one in parameters if type(one.default) in (float, tuple)}
    return known | dict(update) | {"optimizer": name}


def _defines(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _defines(value, f"{name}_")
        elif isinstance(value, list | tuple):
            yield from _defines({str(place): one for place, one in enumerate(value, 1)}, name)
        elif isinstance(value, str | int | float):
            yield _define(name, value)


def _define(name: str, value: str | float) -> str:
    written = _text(value) if isinstance(value, str) else repr(value)
    if isinstance(value, bool):
        written = str(int(value))
    return f"#define PELLUCID_{name.upper()} {written}"


def _array(kind: str, name: str, values: Iterable[float]) -> str:
    return f"static const {kind} {name}[] = {{{', '.join(map(_number, values))}}};"


def _number(value: float) -> str:
    text = repr(value)
    return {"nan": "0.0 / 0.0", "inf": "1.0 / 0.0", "-inf": "-1.0 / 0.0"}.get(text, text)


def _text(value: str) -> str:
    """A string of C; its escapes are those of JSON, but for what is not ASCII."""
    return json.dumps(value, ensure_ascii=False)
