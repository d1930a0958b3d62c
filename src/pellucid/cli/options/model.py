"""The model: which, with which tokenizer, in which numbers, and where it computes."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from typer import Option

from pellucid.cli.options import variant
from pellucid.errors import ConfigError
from pellucid.shipped import SHIPPED_MODEL

if TYPE_CHECKING:
    import torch


class Dtype(StrEnum):
    """The number formats that a model can have."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class PackedForm(StrEnum):
    """The forms that a model's matrices can be packed in, smaller than float32."""

    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    INT4 = "int4"
    STORED = "stored"


MODEL = Option(
    "--model",
    metavar="DIR|NAME",
    help="A checkpoint: a directory of Pellucid, Hugging Face (GPT-2, GPT-1), nanoGPT or OpenAI, "
    "llm.c's .bin, a hub name, a name that pellucid models lists, or gpt2-tiny or gpt2-124M-random "
    "for random weights.",
)
TOKENIZER = Option(
    "--tokenizer",
    metavar="NAME|FILE",
    help=f"gpt2, a model's name such as {SHIPPED_MODEL}, or a tokenizer's file or directory.",
)
MODEL_TOKENIZER = variant(TOKENIZER, default="the model's own")
LEARNT_TOKENIZER = variant(TOKENIZER, "Or one learned from the text: chars, words, bpe:N.")

SPECIAL = Option(
    "--special",
    help="Read special tokens that are spelt in the text, such as <|endoftext|>, as the tokens; "
    "without, they are plain text.",
)

DTYPE = Option("--dtype", help="Dtype of the numbers.")
MODEL_DTYPE = variant(DTYPE, default="as stored")

DEVICE = Option("--device", help="Where to compute: cpu, cuda, mps …")

QUANTIZE = Option(
    "--quantize",
    help="Read smaller matrices: bfloat16, int8 (llama.cpp's Q8_0), int4 (a scale and a minimum "
    "for each 32 numbers), or stored, a GGUF file's own.",
)


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
            f"--device must name a device of this machine, and {name!r} is not one ({reason}): "
            "try cpu"
        ) from None
    return device


def opening(
    model: str | None,
    tokenizer: str | None,
    dtype: Dtype | None,
    device: str = "cpu",
    *,
    special: bool = False,
) -> dict[str, Any]:
    """The arguments of `open_model` besides the name; `ConfigError` for those of an example."""
    if model is None and (tokenizer or dtype or special or device != "cpu"):
        raise ConfigError(
            "a worked example has its own tokenizer and dtype, and runs on the cpu: "
            "leave out --tokenizer, --special, --dtype and --device, or give a --model"
        )
    how = {"tokenizer": tokenizer, "dtype": dtype_of(dtype), "device": device_of(device)}
    return how | {"special": True} if special else how
