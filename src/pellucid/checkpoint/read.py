"""Files into memory: JSON, safetensors and pickles of weights; each failure is one line."""

import re
import warnings
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import is_zipfile

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pellucid.errors import CheckpointError
from pellucid.files import parse_json

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; `CheckpointError` where it is missing, broken, or no object."""
    content = _json(path)
    if not isinstance(content, dict):
        raise broken(path, "a JSON object", f"it holds a {type(content).__name__}")
    return content


def read_ids(path: Path) -> list[int]:
    """At least two token ids from a file that holds them as a list in JSON."""
    ids = _json(path)
    if not (isinstance(ids, list) and len(ids) > 1 and all(type(token) is int for token in ids)):
        raise broken(path, "a list of at least two token ids", "it holds something else")
    return ids


def _json(path: Path) -> Any:
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise broken(path, "JSON", error) from error


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the header's metadata; the tensors stay in the file until they are used."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except OSError as error:
        raise unreadable(path, error) from error
    except SafetensorError as error:
        raise broken(path, "safetensors", error) from error


def read_pickle(path: Path) -> dict[str, Any]:
    """The dict that `torch.save` wrote, from a pickle that may hold tensors and plain values only.

    Pickles run code when they are opened, so any other content is refused, not executed. Tensors
    stay in the file until they are used, except in the form that torch wrote before version 1.6.
    """
    try:
        with warnings.catch_warnings():
            # Of a foreign pickle torch warns, and then raises; the error says enough.
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zipfile(path))
    except OSError as error:
        raise unreadable(path, error) from error
    except UnpicklingError as error:
        # torch's own text is a page, and advises to run the code after all.
        asked = re.search(r"GLOBAL (\S+)", str(error))
        if asked is None:
            raise broken(path, "what torch.save writes", "its pickle cannot be read") from error
        raise CheckpointError(
            f"{path} must be a pickle of tensors and plain values only; it asks for {asked[1]}, "
            "which could run any code; save the state dict alone, as safetensors or by torch.save"
        ) from error
    except Exception as error:  # torch raises nothing narrower
        raise broken(path, "what torch.save writes", error) from error
    if not isinstance(content, dict):
        raise broken(path, "a pickled dict", f"it holds a {type(content).__name__}")
    return content


def read_shards(index: Path) -> dict[str, Tensor]:
    """The tensors of all the files that a Hugging Face `….index.json` names beside it."""
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not all(map(_is_file_name, names.values())):
        raise broken(index, "a weight_map of tensor names to file names", "it has none such")
    if inner := next((name for name in names.values() if name.endswith(".json")), None):
        raise broken(index, "a weight_map to files of tensors", f"it names an index, {inner}")
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(names.values())):
        tensors.update(read_weights(index.with_name(name)))
    return tensors


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, a pickle, or an index of several such files."""
    if path.suffix == ".json":
        return read_shards(path)
    if path.suffix == ".safetensors":
        return read_safetensors(path)[0]
    return tensors_only(read_pickle(path), path)


def tensors_only(content: Any, path: Path) -> dict[str, Tensor]:
    """The content itself, if it is a dict of named tensors."""
    if not isinstance(content, dict):
        raise broken(path, "a dict of named tensors", f"it holds a {type(content).__name__}")
    for name, value in content.items():
        if not (isinstance(name, str) and isinstance(value, Tensor)):
            raise broken(path, "a dict of named tensors", f"{name!r} is a {type(value).__name__}")
    return content


def unreadable(path: Path, error: OSError) -> CheckpointError:
    """The error for a file that is not there, or may not be opened."""
    said = error.strerror or ("no such file" if isinstance(error, FileNotFoundError) else error)
    return CheckpointError(
        f"{path} must be a file that can be read; {one_line(said)}; put it there, or give the "
        "directory of a complete checkpoint"
    )


def broken(path: Path, form: str, said: object) -> CheckpointError:
    """The error for a file that is truncated, or of another form than its name says."""
    return CheckpointError(f"{path} must be {form}, and whole; {one_line(said)}; copy it again")


def one_line(said: object, limit: int = 240) -> str:
    """What a library said, on one line and not too long."""
    text = " ".join(str(said).split()) or type(said).__name__
    return text if len(text) <= limit else f"{text[:limit]}…"


def _is_file_name(name: object) -> bool:
    """Whether this names a file beside the index: a path could point anywhere on the machine."""
    return isinstance(name, str) and name == Path(name).name != ""
