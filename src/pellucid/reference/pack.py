"""Read a pack: its manifest, checked, and its tensors as they are asked for."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pellucid.checkpoint import TensorFiles, load
from pellucid.checkpoint.dumps import DumpEntry, dump_index, read_entry
from pellucid.checkpoint.read import broken, read_json
from pellucid.errors import CheckpointError
from pellucid.models import RANDOM_MODELS, CausalModel, Model
from pellucid.reference.checksum import RUN, part_of_runs
from pellucid.reference.manifest import MANIFEST, check_manifest
from pellucid.shipped import DESCRIBED
from pellucid.tree import flatten, unflatten


def fingerprint(params: Mapping[str, Tensor]) -> str:
    """The sha256 of the parameters' bytes, in order, each little-endian and row by row."""
    digest = hashlib.sha256()
    for values in params.values():
        digest.update(values.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Pack:
    """A pack on disk."""

    place: Path
    manifest: Mapping[str, Any]  # as `check_manifest` has found it
    blank: CausalModel  # the model, without its weights

    @property
    def config(self) -> Any:
        """The model's configuration."""
        return self.blank.config

    @cached_property
    def rows(self) -> dict[str, Mapping[str, Any]]:
        """What the manifest says of each name, in data-flow order."""
        return {row["name"]: row for row in self.manifest["tensors"]}

    @property
    def files(self) -> set[str]:
        """The names of the files beside the manifest that its tensors are in."""
        return {name for row in self.rows.values() for name in row.get("files", {}).values()}

    @property
    def tokens(self) -> Tensor:
        """What the model read."""
        return torch.tensor(self.manifest["tokens"])

    @property
    def targets(self) -> Tensor:
        """What it was to predict."""
        return torch.tensor(self.manifest["targets"])

    @property
    def finest(self) -> str:
        """The finest of the dtypes that the pack has."""
        return min(map(str, self.manifest["losses"]), key=_eps)

    @property
    def coarsest(self) -> str:
        """The coarsest of them."""
        return max(map(str, self.manifest["losses"]), key=_eps)

    def tensor(self, name: str, dtype: str) -> Tensor:
        """The values of a name in one of the pack's dtypes, or the part of them that was kept.

        Raises `CheckpointError` where the file is not whole.
        """
        row = self.rows[name]
        if "same_as" in row:
            return self.tensor(row["same_as"], dtype)
        path = self.place / row["files"][dtype]
        values = self._dumped(path, name) if path.suffix == ".bin" else _saved(path, name)
        shape = [len(row["runs"]), RUN] if "runs" in row else row.get("kept", row["shape"])
        if list(values.shape) != shape:
            raise broken(path, f"a file whose {name} has its shape", tuple(values.shape))
        # A model computes some things in more than its dtype: angles, and sums in bfloat16.
        most = torch.finfo(getattr(torch, dtype)).eps
        if values.is_floating_point() and torch.finfo(values.dtype).eps > most:
            raise broken(path, f"a file whose {name} is of {dtype}", values.dtype)
        return values

    def _dumped(self, path: Path, name: str) -> Tensor:
        """A tensor of a dump."""
        if path not in self._indices:
            self._indices[path] = dump_index(path)
        entry = self._indices[path].get(name)
        if entry is None:
            raise broken(path, f"a file of the pack with {name} in it", "it is not there")
        return read_entry(path, name, entry)

    @cached_property
    def _indices(self) -> dict[Path, dict[str, DumpEntry]]:
        """What is where in its dumps, each read through once."""
        return {}

    def is_whole(self, name: str) -> bool:
        """Whether all numbers of it are there."""
        row = self.stored(name)
        return "kept" not in row and "runs" not in row

    def stored(self, name: str) -> Mapping[str, Any]:
        """The row under which it stands in a file."""
        row = self.rows[name]
        return self.rows[row["same_as"]] if "same_as" in row else row

    def part(self, name: str, values: Tensor) -> Tensor:
        """What of another tensor of that name and shape stands where the pack has kept numbers."""
        row = self.stored(name)
        if "runs" in row:
            return part_of_runs(values, row["runs"])
        return values[tuple(slice(size) for size in row.get("kept", row["shape"]))]

    def tensors(self, dtype: str) -> Mapping[str, Tensor]:
        """All that is whole, in one of the pack's dtypes, and the ids of its texts."""
        whole = [name for name in self.rows if self.is_whole(name)]
        readers = {name: partial(self.tensor, name, dtype) for name in whole}
        for number, text in enumerate(self.manifest.get("texts", ())):
            readers[f"texts.{number}"] = partial(torch.tensor, text["ids"], dtype=torch.long)
        return TensorFiles(readers)

    @property
    def has_parameters(self) -> bool:
        """Whether all of the model's parameters are there."""
        names = self.config.parameter_shapes()
        return all(name in self.rows and self.is_whole(name) for name in names)

    @property
    def is_sampled(self) -> bool:
        """Whether there are checksums of what it has not whole."""
        return any("checks" in row for row in self.rows.values())

    @property
    def has_model(self) -> bool:
        """Whether its model can be had: from the pack, or by its name on this machine."""
        return self.has_parameters or _is_here(self.manifest["model"]["source"])

    def model(self) -> CausalModel:
        """The model that was run: from the pack where it has all parameters, else by its source.

        Raises `CheckpointError` where neither has them.
        """
        about = self.manifest["model"]
        names = self.config.parameter_shapes()
        dtype = about["dtype"] if about["dtype"] in self.manifest["losses"] else self.finest
        own = getattr(torch, about["dtype"])
        if self.has_parameters:
            params = {name: self.tensor(name, dtype).to(own) for name in names}
        else:
            params = flatten(self._source(about["source"]).params)
        if fingerprint(params) != about["sha256"]:
            raise CheckpointError(
                f"{self.place} must come with the model that it was made from, and that of "
                f"{about['source']!r} is another by now: write the pack again, with all parameters"
            )
        return self.blank.with_params(unflatten(params))

    def _source(self, name: str) -> Model:
        """The model that the pack was made from, if it is on this machine: no network is asked."""
        if not _is_here(name):
            raise CheckpointError(
                f"{self.place} must come with its parameters, or their model {name!r} be a path "
                "here, and neither is: write the pack again, without --names, --layers and --slices"
            )
        return load(name, online=False)


def _saved(path: Path, name: str) -> Tensor:
    """A tensor of a safetensors file."""
    try:
        with safe_open(path, framework="pt") as file:
            values: Tensor = file.get_tensor(name)
            return values
    except (OSError, SafetensorError) as error:
        raise broken(path, f"a file of the pack with {name} in it", error) from None


def _is_here(name: str) -> bool:
    """Whether a model of this name can be opened without a network."""
    return Path(name).exists() or name in (*DESCRIBED, *RANDOM_MODELS)


def _eps(dtype: str) -> float:
    return torch.finfo(getattr(torch, dtype)).eps


def open_pack(place: Path) -> Pack:
    """The pack in a directory; `CheckpointError` where it is none, or not whole."""
    file = place / MANIFEST
    manifest = read_json(file)
    blank = check_manifest(file, manifest)
    pack = Pack(place, manifest, blank)
    if missing := sorted(name for name in pack.files if not (place / name).is_file()):
        raise broken(file, "beside all the files that it names", f"{missing[0]} is missing")
    return pack
