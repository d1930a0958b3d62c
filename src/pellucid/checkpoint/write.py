"""A directory of two files, `config.json` and `model.safetensors`, that is never half of each."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from pellucid.checkpoint.read import CONFIG, WEIGHTS
from pellucid.checkpoint.safetensors_file import save_tensors
from pellucid.files import beside_of, whole_file


def write(
    directory: Path,
    settings: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
) -> None:
    """Write both files beside their places, then put them in.

    Raises `WriteError` where the directory cannot be written; what was there stays.
    """
    text = json.dumps(settings, indent=2) + "\n"
    # What a link leads to is replaced, and the link stays: so whatever is removed and put back in
    # between is that file too.
    config, weights = (Path(os.path.realpath(directory / name)) for name in (CONFIG, WEIGHTS))
    _put(config, text, weights, tensors, metadata)


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write one safetensors file, all of it or nothing.

    Raises `WriteError` where it cannot be written; what was there stays.
    """
    with whole_file(path) as beside:
        save_tensors(tensors, beside, metadata)


def _put(
    config: Path,
    text: str,
    weights: Path,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
) -> None:
    # Two renames cannot happen at once, and weights under the settings of another model would load
    # wrongly. So other settings go out of the way before the new weights come in, and the new
    # settings come in last. In between there are only weights: ours say in their own header what
    # they are, so the old or the new checkpoint loads at every moment; others do not load at all.
    # They are renamed, not removed, since a full disk could not take them back.
    aside = beside_of(config)
    written: os.stat_result | None = None
    with whole_file(config) as new_config:
        new_config.write_text(text, encoding="utf-8")
        try:
            with whole_file(weights) as new_weights:
                save_tensors(tensors, new_weights, metadata)
                written = new_weights.stat()
                if config.exists() and config.read_bytes() != text.encode():
                    config.rename(aside)
        except BaseException:
            if aside.exists() and not _is(weights, written):
                aside.rename(config)
            raise
        finally:
            aside.unlink(missing_ok=True)


def _is(path: Path, written: os.stat_result | None) -> bool:
    """Whether the file at `path` is the very one that was written, so that its rename is done."""
    return written is not None and path.exists() and os.path.samestat(path.stat(), written)
