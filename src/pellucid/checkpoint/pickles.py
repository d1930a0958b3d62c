"""Pickles of weights: what `torch.save` writes, read without running any code in them."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from threading import Lock
from typing import Any
from zipfile import is_zipfile

import numpy as np
import torch

from pellucid.checkpoint.read import broken, unreadable
from pellucid.errors import CheckpointError

StandIn = tuple[Any, str]
"""What is taken in the place of something that a pickle asks for by this name."""


class NumberType:
    """Stands in for `numpy.dtype`: a letter and a size, such as f8, and the order of the bytes."""

    order = "="

    def __init__(self, code: str, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


def number(kind: NumberType, data: bytes) -> bool | int | float:
    """Stands in for what makes NumPy's numbers of their bytes; Python's numbers come out."""
    form = f"{kind.order}{kind.code}"
    if not re.fullmatch("[<>=|][biuf][0-9]{1,2}", form):
        raise ValueError(f"a NumPy {form} is no number")
    value = np.frombuffer(data, form, count=1)[0]
    return float(value) if kind.code[0] == "f" else value.item()


NUMPY: tuple[StandIn, ...] = (
    (number, "numpy.core.multiarray.scalar"),  # NumPy 1
    (number, "numpy._core.multiarray.scalar"),
    (NumberType, "numpy.dtype"),
)


def read_pickle(
    path: Path,
    *,
    advice: str = "save the state dict alone, as safetensors or by torch.save",
    stand_ins: Iterable[StandIn] = (),
) -> dict[str, Any]:
    """The dict that `torch.save` wrote, from a pickle that may hold tensors and plain values only.

    Pickles run code when they are opened, so any other content is refused, not executed, with the
    `advice`. NumPy's numbers are plain values; of a class that has a stand-in under its name, an
    object is read as one of that, with the same attributes.
    Tensors stay in the file until they are used, except in the form that torch wrote before
    version 1.6.
    """
    try:
        with warnings.catch_warnings(), _allowed([*NUMPY, *stand_ins]):
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
            f"which could run any code; {advice}"
        ) from error
    except Exception as error:  # torch raises nothing narrower
        raise broken(path, "what torch.save writes", error) from error
    if not isinstance(content, dict):
        raise broken(path, "a pickled dict", f"it holds a {type(content).__name__}")
    return content


_ONE_AT_A_TIME = Lock()


@contextmanager
def _allowed(kinds: Sequence[StandIn]) -> Iterator[None]:
    """Let torch's reader of pickles take these; its list is one for the whole process."""
    with _ONE_AT_A_TIME:
        known = torch.serialization.get_safe_globals()
        with torch.serialization.safe_globals([kind for kind in kinds if kind not in known]):
            yield
