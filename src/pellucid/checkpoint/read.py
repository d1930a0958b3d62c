"""Files into memory: JSON and safetensors; each failure is one line."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from pellucid.checkpoint.safetensors_file import open_safetensors
from pellucid.errors import CheckpointError
from pellucid.files import mapped, parse_json
from pellucid.models.lazy_tensor import LazyTensor

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


def read_safetensors(path: Path) -> tuple[dict[str, LazyTensor], dict[str, str]]:
    """The tensors, each to be opened, and the header's metadata."""
    try:
        return open_safetensors(mapped(path))
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise broken(path, "safetensors", error) from error


def shared(header: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """The names that a safetensors file leaves out since they share memory, by the one it keeps.

    `safetensors.torch.save_model` writes them into the header.
    """
    return {name: kept for name, kept in header.items() if kept in names and name not in names}


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
