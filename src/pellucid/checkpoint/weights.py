"""Tensors by name from safetensors, a pickle, or an index of several such files."""

from pathlib import Path

from pellucid.checkpoint.pickles import read_pickle
from pellucid.checkpoint.read import broken, read_json, read_safetensors, shared, tensors_only
from pellucid.models.adapter import Unopened


def read_shards(index: Path) -> Unopened:
    """The tensors of all the files that a Hugging Face `….index.json` names beside it."""
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not all(map(_is_file_name, names.values())):
        raise broken(index, "a weight_map of tensor names to file names", "it has none such")
    if inner := next((name for name in names.values() if name.endswith(".json")), None):
        raise broken(index, "a weight_map to files of tensors", f"it names an index, {inner}")
    tensors: Unopened = {}
    for name in sorted(set(names.values())):
        tensors.update(read_weights(index.with_name(name)))
    return tensors


def read_weights(path: Path) -> Unopened:
    """The tensors of a safetensors file, a pickle, or an index of several such files."""
    if path.suffix == ".json":
        return read_shards(path)
    if path.suffix == ".safetensors":
        tensors, header = read_safetensors(path)
        return {**tensors} | {name: tensors[kept] for name, kept in shared(header, tensors).items()}
    return tensors_only(read_pickle(path), path)


def _is_file_name(name: object) -> bool:
    """Whether this names a file beside the index: a path could point anywhere on the machine."""
    return isinstance(name, str) and name == Path(name).name != ""
