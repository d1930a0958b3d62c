"""Options that several commands share, and what they are turned into."""

import shlex
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from typer import Context, Option

from pellucid.errors import ConfigError, TextError

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from pellucid.models import GPT

WIDTH = 100
"""Columns of what is printed to a file or a pipe, and at most to a terminal."""


CALCULATOR = 8
"""By hand so many digits at most, as on a pocket calculator: a float64 is each of them exactly."""

SHIPPED_MODEL = "english-1M"
"""The trained model that comes with Pellucid, of commands that need one and are given none."""

TRANSLATOR = "runs/translator"
"""Where a translator is kept unless the user says otherwise."""


class Dtype(StrEnum):
    """The number formats that a model can have."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Form(StrEnum):
    """The forms that a model's matrices can be packed in, smaller than float32."""

    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    INT4 = "int4"


MODEL = Option(
    metavar="DIR",
    help="A checkpoint: a directory of Pellucid's, of Hugging Face's GPT-2 or GPT-1, of nanoGPT's "
    "or OpenAI's, a hub name, english-1M for the model that comes with Pellucid, or gpt2-tiny and "
    "gpt2-124M-random for random weights.",
)

TokenizerOption = Annotated[
    str | None,
    Option("--tokenizer", help="gpt2, or a tokenizer's file; by default the model's own."),
]
DtypeOption = Annotated[Dtype | None, Option(help="By default as stored.")]
QuantizeOption = Annotated[
    Form | None,
    Option(help="Round the matrices, to read them faster: int8, int4 or bfloat16."),
]
DigitsOption = Annotated[int | None, Option(min=1, max=17, help="Decimals; 4 by default.")]
ByHandOption = Annotated[
    int | None,
    Option(
        "--by-hand",
        min=1,
        max=CALCULATOR,
        metavar="DIGITS",
        help="Compute every step from the rounded figures printed, as with a pocket calculator.",
    ),
]
MixedOption = Annotated[
    bool,
    Option(
        "--mixed",
        help="Forward and backward in bfloat16, weights in their dtype: quicker where the "
        "processor multiplies bfloat16.",
    ),
]
DeviceOption = Annotated[str, Option(help="Where to compute: cpu, cuda, mps …")]


def console() -> "Console":
    """The terminal, or what stands in for it, at most 100 columns wide."""
    from rich.console import Console

    screen = Console(highlight=False)
    screen.width = min(screen.width, WIDTH) if screen.is_terminal else WIDTH
    return screen


def dtype_of(choice: Dtype | None) -> "torch.dtype | None":
    """PyTorch's dtype of that name."""
    import torch

    return None if choice is None else getattr(torch, choice.value)


def device_of(name: str) -> "torch.device":
    """PyTorch's device of that name; `ConfigError` where this machine has none."""
    import torch

    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"--device must name a device of this machine, and {name!r} is none ({reason}): try cpu"
        ) from None
    return device


_NOTES: list[str] = []


def write_notes(*, ended_well: bool) -> None:
    """Write what a command noted to the standard error, a line each, unless a mistake stands there.

    So what is to be mended is said alone.
    """
    if ended_well:
        sys.stderr.writelines(f"{note}\n" for note in _NOTES)
    _NOTES.clear()


def packed_model(model: "GPT", form: Form | None) -> "GPT":
    """The model with its matrices packed: in this form, or as they are where that is faster.

    A note says where the native kernels are not there.
    """
    from pellucid import native
    from pellucid.models import packed

    forms: dict[str, Any] = {"float32": "float32", "bfloat16": "bfloat16"}

    where, dtype = str(model.device), str(model.dtype).removeprefix("torch.")
    if form is not None and where != "cpu":
        raise ConfigError(
            f"--quantize packs matrices for the processor, and the model is on {where}: leave out "
            "--quantize, or --device"
        )
    if where == "cpu" and native.library() is None:
        _NOTES[:] = [f"{native.missing()}: computing in plain PyTorch, which is slower"]
        return packed(model, form.value) if form else model
    if form is not None:
        return packed(model, form.value)
    packs = where == "cpu" and dtype in forms
    return packed(model, forms[dtype]) if packs else model


def digits_of(digits: int | None, by_hand: int | None) -> int:
    """How many decimals are printed: by hand, those that are computed with."""
    if digits is not None and by_hand is not None:
        raise ConfigError(
            "by hand, what is printed is what is computed with: leave out --digits, and give "
            "--by-hand the digits"
        )
    return by_hand or digits or 4


def seed_of(seed: int) -> int:
    """The seed; `ConfigError` where PyTorch's generators cannot take it."""
    if not 0 <= seed < 1 << 63:
        raise ConfigError(f"--seed must be from 0 to below 2⁶³, not {seed}")
    return seed


def colophon(context: Context) -> tuple[str, str]:
    """What made a document: the version, and the command as it was given, but for the file."""
    from importlib.metadata import version

    words = ["pellucid", str(context.info_name)]
    for option in context.command.params:
        name = str(option.name)
        source, given = context.get_parameter_source(name), context.params[name]
        if name == "out" or source is None or source.name != "COMMANDLINE":
            continue
        if option.param_type_name == "argument":
            words.append(str(given))
        elif isinstance(given, bool):
            words.append((option.opts if given else option.secondary_opts)[0])
        else:
            for one in given if isinstance(given, list | tuple) else [given]:
                words += [option.opts[0], str(one)]
    return f"Pellucid {version('pellucid')}", shlex.join(words)


def not_empty(text: str | None) -> str:
    """The text; `TextError` where there is none."""
    if not text:
        raise TextError("a text must have at least one character: write one in quotes")
    return text


def blocks_of(choice: str | None, depth: int) -> list[int] | None:
    """The blocks that --layers names."""
    if choice is None or choice == "all":
        return None if choice is None else list(range(depth))
    numbers = choice.split(",")
    if not all(number.strip().isdecimal() and int(number) < depth for number in numbers):
        raise ConfigError(
            f"--layers must be all, or numbers from 0 to {depth - 1} with commas, not {choice!r}"
        )
    return [int(number) for number in numbers]
