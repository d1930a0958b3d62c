"""A model's matrices packed for the native kernels, by --quantize or where that is faster."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pellucid.cli.options.model import PackedForm
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.models import GPT

FASTER = ("float32", "bfloat16")
"""The dtypes whose matrices are read faster when they are packed as they are."""


@contextmanager
def packed_model(model: "GPT", form: PackedForm | None) -> "Iterator[GPT]":
    """The model with its matrices packed: in this form, or as they are where that is faster.

    Where the native kernels are not there, a line on the standard error says so at the end, unless
    a mistake ended the command: so what is to be mended is said alone.
    """
    from pellucid import native
    from pellucid.models import packed

    where, dtype = str(model.device), str(model.dtype).removeprefix("torch.")
    if form is not None and where != "cpu":
        raise ConfigError(
            f"--quantize packs matrices for the processor, and the model is on {where}: leave out "
            "--quantize, or --device"
        )
    if form is not None and not model.packable:
        raise ConfigError(
            f"--quantize packs the matrices of architectures that have kernels for it, and a "
            f"{model.architecture} has none: leave out --quantize"
        )
    slow = where == "cpu" and native.library() is None
    if form is not None:
        yield packed(model, form.value)
    elif where == "cpu" and not slow and dtype in FASTER and model.packable:
        yield packed(model, "bfloat16" if dtype == "bfloat16" else "float32")
    else:
        yield model
    if slow:
        note = f"{native.missing()}: computing in plain PyTorch, which is slower"
        sys.stderr.write(f"{note}\n")
