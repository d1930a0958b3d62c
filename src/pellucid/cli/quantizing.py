"""Models packed for the native kernels, by --quantize or where that is faster."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pellucid.cli.options.model import PackedForm

if TYPE_CHECKING:
    from pellucid.text import Tokenizer


@contextmanager
def packed_model(
    name: str, form: PackedForm | None, **how: Any
) -> "Iterator[tuple[Any, Tokenizer]]":
    """A model and its tokenizer, its matrices packed: in this form, or as they are where faster.

    `how` is what `open_model` takes. Where the native kernels are not there, a line on the standard
    error says so at the end, unless a mistake ended the command: so what is to be mended is said
    alone.
    """
    from pellucid import native
    from pellucid.checkpoint import open_model

    slow = str(how["device"]) == "cpu" and native.library() is None
    wanted: Any = form.value if form else None if slow else "own"
    yield open_model(name, form=wanted, **how)
    if slow:
        note = f"{native.missing()}: computing in plain PyTorch, which is slower"
        sys.stderr.write(f"{note}\n")
