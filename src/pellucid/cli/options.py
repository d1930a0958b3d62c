"""Options that several commands share, and what they are turned into."""

import shlex
from enum import StrEnum
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from typer import Context, Option

from pellucid.errors import ConfigError, TextError

if TYPE_CHECKING:
    import torch

WIDTH = 100
"""Columns of what is printed to a file or a pipe, and at most to a terminal."""


TRANSLATOR = "runs/translator"
"""Where a translator is kept unless the user says otherwise."""


class Dtype(StrEnum):
    """The number formats that a model can have."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


MODEL = Option(
    metavar="DIR",
    help="A checkpoint: a directory of Pellucid's, of Hugging Face's GPT-2 or GPT-1, of nanoGPT's "
    "or OpenAI's, a hub name, or gpt2-tiny and gpt2-124M-random for random weights.",
)

TokenizerOption = Annotated[
    str | None,
    Option("--tokenizer", help="gpt2, or a tokenizer's file; by default the model's own."),
]
DtypeOption = Annotated[Dtype | None, Option(help="By default as stored.")]
MixedOption = Annotated[
    bool,
    Option(
        "--mixed",
        help="Forward and backward in bfloat16, weights in their dtype: quicker where the "
        "processor multiplies bfloat16.",
    ),
]
DeviceOption = Annotated[str, Option(help="Where to compute: cpu, cuda, mps …")]


def console() -> Console:
    """The terminal, or what stands in for it, at most 100 columns wide."""
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


def seed_of(seed: int) -> int:
    """The seed; `ConfigError` where PyTorch's generators cannot take it."""
    if not 0 <= seed < 1 << 63:
        raise ConfigError(f"--seed must be from 0 to below 2⁶³, not {seed}")
    return seed


def colophon(context: Context) -> tuple[str, str]:
    """What made a document: the version, and the command as it was given, but for the file."""
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
