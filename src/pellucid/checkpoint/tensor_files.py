"""Tensors by name from whatever file another program has written, read one by one.

| form | names |
|---|---|
| `.safetensors`, or a folder of them | the file's own |
| `.npz` | the arrays' |
| a folder of `.npy` | the path in the folder, `h/0/ln_1.npy` as `h.0.ln_1` |
| `.pt`, `.pth`, `.bin` of `torch.save` | the keys, joined by dots where dicts are nested |
| `.bin` of llm.c, its debug state | ours |
| a dump, or a folder of them: `dumps` | the file's own |
| `.bin` of bare numbers, or a folder of them: `bare_numbers` | the file's, or its index's |
| `.gguf` of llama.cpp | the file's own; what is quantized is opened |

No code in a pickle is run, and none is read in NumPy's files.
"""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pellucid.checkpoint.bare_numbers import BareForm, bare_reader, indexed
from pellucid.checkpoint.dumps import dump_index, is_dump, read_entry
from pellucid.checkpoint.gguf import gguf_tensors
from pellucid.checkpoint.llm_c import STATE, magic_of, read_state
from pellucid.checkpoint.pickles import read_pickle
from pellucid.checkpoint.read import broken, shared, unreadable
from pellucid.errors import CheckpointError
from pellucid.files import LEVELS
from pellucid.models import Config, GPTConfig

ADVICE = "save the tensors alone, in a dict by torch.save or as safetensors"

MOST = 10_000
"""Of one level of nested dicts."""

Reader = Callable[[], Tensor]
Shape = tuple[int, ...]


class TensorFiles(Mapping[str, Tensor]):
    """Tensors by name, each read from its file when it is asked for.

    `shape` tells a tensor's shape from its header, where the form has one: a few compressed bytes
    of an .npz may unfold to more than the memory holds.
    """

    def __init__(
        self, readers: Mapping[str, Reader], shapes: Mapping[str, Callable[[], Shape]] | None = None
    ) -> None:
        self._readers = dict(readers)
        self._shapes = dict(shapes or {})

    def shape(self, name: str) -> Shape:
        """The shape of a tensor, which is not read where its file has a header."""
        return self._shapes[name]() if name in self._shapes else tuple(self[name].shape)

    def __getitem__(self, name: str) -> Tensor:
        return self._readers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def __contains__(self, name: object) -> bool:
        return name in self._readers


def open_tensors(
    path: str | Path,
    config: Config | None = None,
    bare: Mapping[str, BareForm] | None = None,
) -> TensorFiles:
    """The tensors in a file or a folder; llm.c's state needs the `config` of its model.

    `bare` says what a `.bin` of nothing but numbers holds, by the name of its tensor.

    Raises `CheckpointError`, at once or when a tensor is read, where a file is missing, truncated,
    or holds anything but arrays of numbers.
    """
    place = Path(path)
    if place.is_dir():
        return TensorFiles(_folder(place, bare or {}))
    if not place.is_file():
        raise CheckpointError(
            f"tensors are in a file or a folder that is there, and {place} is not: give its path"
        )
    shapes: dict[str, Callable[[], Shape]] = {}
    match place.suffix:
        case ".safetensors":
            readers = _safetensors(place)
        case ".npz":
            readers, shapes = _npz(place)
        case ".npy":
            readers = {place.stem: partial(_npy, place)}
        case ".bin" if magic_of(place) == STATE:
            if not isinstance(config, GPTConfig):
                raise CheckpointError(
                    f"{place} is a state of llm.c, which has a GPT-2's tensors and does not say "
                    "how large its model is: give the model with it"
                )
            readers = _of(read_state(place, config))
        case _ if is_dump(place):
            readers, shapes = _dump(place)
        case ".bin" if place.stem in (bare or {}):
            readers = {place.stem: bare_reader(place, place.stem, (bare or {})[place.stem])}
        case ".gguf":
            readers = {name: lazy.read for name, lazy in gguf_tensors(place).items()}
        case ".pt" | ".pth" | ".bin":
            readers = _pickle(place)
        case _:
            raise CheckpointError(
                "tensors come in .safetensors, .npz, .pt, .gguf, .bin, or a folder of .npy or "
                f".bin, and {place} is not one of these: save them in one of these forms"
            )
    return TensorFiles(readers, shapes)


def _of(tensors: Mapping[str, Tensor]) -> dict[str, Reader]:
    return {name: partial(tensors.__getitem__, name) for name in tensors}


def _folder(place: Path, bare: Mapping[str, BareForm]) -> dict[str, Reader]:
    readers: dict[str, Reader] = {}
    dumps = [file for file in sorted(place.rglob("*.bin")) if is_dump(file)]
    for file in (*sorted(place.rglob("*.safetensors")), *dumps):
        own = _dump(file)[0] if file in dumps else _safetensors(file)
        if twice := readers.keys() & own.keys():
            raise broken(file, "the only file with its tensors", f"{min(twice)} is in another too")
        readers |= own
    for file in sorted(place.rglob("*.npy")):
        name = ".".join(file.relative_to(place).with_suffix("").parts)
        readers[name] = partial(_npy, file)
    readers = readers or indexed(place, bare)
    if not readers:
        raise CheckpointError(
            f"a folder of tensors holds .safetensors, .npy or .bin, and {place} has none: give the "
            "folder that the tensors are in"
        )
    return readers


def _dump(file: Path) -> tuple[dict[str, Reader], dict[str, Callable[[], Shape]]]:
    index = dump_index(file)
    return (
        {name: partial(read_entry, file, name, entry) for name, entry in index.items()},
        {name: partial(getattr, entry, "shape") for name, entry in index.items()},
    )


def _safetensors(file: Path) -> dict[str, Reader]:
    def read(name: str) -> Tensor:
        with safe_open(file, framework="pt") as opened:
            tensor: Tensor = opened.get_tensor(name)
            return tensor

    try:
        with safe_open(file, framework="pt") as opened:
            names = {name: name for name in opened.keys()}  # noqa: SIM118
            names |= shared(opened.metadata() or {}, names)
            return {name: partial(read, kept) for name, kept in names.items()}
    except OSError as error:
        raise unreadable(file, error) from error
    except SafetensorError as error:
        raise broken(file, "safetensors", error) from error


def _npz(file: Path) -> tuple[dict[str, Reader], dict[str, Callable[[], Shape]]]:
    # The archive stays open: its list of members is read once, and not again for each of them.
    try:
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile) as error:
        raise broken(file, "an .npz of NumPy's", error) from error

    def read(name: str) -> Tensor:
        try:
            with archive.open(f"{name}.npy") as member:
                return _tensor(np.lib.format.read_array(member, allow_pickle=False), file, name)
        except CheckpointError:
            raise
        except Exception as error:
            raise broken(file, f"an .npz with {name} in it", error) from error

    def shape(name: str) -> Shape:
        try:
            with archive.open(f"{name}.npy") as member:
                version = np.lib.format.read_magic(member)
                header = np.lib.format.read_array_header_1_0
                if version != (1, 0):
                    header = np.lib.format.read_array_header_2_0
                found: Shape = header(member)[0]
                return found
        except Exception as error:
            raise broken(file, f"an .npz with {name} in it", error) from error

    members = (member for member in archive.namelist() if member.endswith(".npy"))
    names = [member.removesuffix(".npy") for member in members]
    return {name: partial(read, name) for name in names}, {
        name: partial(shape, name) for name in names
    }


def _npy(file: Path) -> Tensor:
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except Exception as error:
        raise broken(file, "an .npy of NumPy's", error) from error
    return _tensor(array, file, file.stem)


def _pickle(file: Path) -> dict[str, Reader]:
    def read(value: Any, name: str) -> Tensor:
        if isinstance(value, Tensor):
            return value.detach()
        try:
            return torch.tensor(value, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError) as error:
            raise broken(
                file, f"a dict of tensors and numbers, and {name} is none", error
            ) from None

    return {
        name: partial(read, value, name)
        for name, value in _leaves(read_pickle(file, advice=ADVICE), file)
        if isinstance(value, Tensor | int | float | list | tuple)
    }


def _leaves(content: Mapping[Any, Any], file: Path) -> Iterator[tuple[str, Any]]:
    """What stands in nested dicts, by their keys; a dict of a pickle may even contain itself."""
    level = [("", content)]
    for _ in range(LEVELS):
        inner = []
        for prefix, node in level:
            for key, value in node.items():
                if isinstance(value, Mapping):
                    inner.append((f"{prefix}{key}.", value))
                else:
                    yield f"{prefix}{key}", value
        if not inner:
            return
        if len(inner) > MOST:
            break
        level = inner
    raise broken(file, "a dict of tensors", f"it is nested in over {LEVELS} levels or {MOST} dicts")


def _tensor(array: Any, file: Path, name: str) -> Tensor:
    """The array as a tensor, whatever its byte order."""
    if array.dtype.kind not in "fiub":
        raise broken(file, f"arrays of real numbers, and {name} is of", array.dtype)
    native = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
    if native.dtype.kind == "u" and native.dtype != np.uint8:
        native = native.astype(np.int64)
    if native.dtype == np.longdouble:
        native = native.astype(np.float64)
    return torch.from_numpy(native.reshape(array.shape))
