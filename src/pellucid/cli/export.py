"""`pellucid export`: a checkpoint in another project's format."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import DTYPE, MODEL_TOKENIZER, Dtype, dtype_of
from pellucid.cli.options.output import OVERWRITE
from pellucid.cli.screen import console
from pellucid.errors import ConfigError
from pellucid.files import check_writable, make_room

if TYPE_CHECKING:
    from pellucid.models import Model
    from pellucid.text import ChatTemplate, Tokenizer


class Target(StrEnum):
    """What a checkpoint can be exported to."""

    HUGGINGFACE = "huggingface"
    LLM_C = "llm.c"
    GGUF = "gguf"


class Numbers(StrEnum):
    """The number formats that a checkpoint can be written in: PyTorch's, and those of GGUF."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    F32 = "F32"
    F16 = "F16"
    BF16 = "BF16"
    Q8_0 = "Q8_0"


ALIKE = {Dtype.FLOAT32: Numbers.F32, Dtype.BFLOAT16: Numbers.BF16}
"""The formats that have a name in both."""


def export(
    model: Annotated[str, Argument(metavar="DIR", help="The checkpoint, as for --model.")],
    out: Annotated[
        Path,
        Argument(
            help="The directory to write; for llm.c, it will hold model.bin. For gguf, the file."
        ),
    ],
    target: Annotated[
        Target, Option("--format", help="Which format to write.")
    ] = Target.HUGGINGFACE,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    dtype: Annotated[
        Numbers | None,
        variant(DTYPE, "F16 and Q8_0 are GGUF's, of its matrices.", default="as stored"),
    ] = None,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Write a checkpoint in another project's format."""
    from rich.markup import escape

    from pellucid.checkpoint import (
        export_huggingface,
        export_llm_c,
        open_model,
        read_chat_template,
        write_chat_template,
    )

    if target is Target.GGUF:
        form = _form(dtype)
        _check_file(out, overwrite=overwrite)
        wanted = Dtype.FLOAT32 if form else None  # a form is made from whole numbers
    else:
        wanted = _torch_dtype(dtype, target)
    gpt, tokenizer = open_model(model, tokenizer=tokenizer_name, dtype=dtype_of(wanted))
    template = read_chat_template(model)
    if target is Target.GGUF:
        _write_gguf(gpt, tokenizer, out, form, template)
    else:
        make_room(out, overwrite=overwrite)
        if target is Target.LLM_C:
            export_llm_c(gpt, out / "model.bin")
        else:
            export_huggingface(gpt, out)
            if template is not None:
                write_chat_template(template, out)
        if tokenizer.kind in {"bpe", "sentencepiece"}:
            tokenizer.save(out / "tokenizer.json")
    if gpt.config.lora_rank:
        console().print(
            "LoRA's matrices are merged: the format has no place for them; each product is added "
            "to its weight",
            soft_wrap=True,
        )
    said = f" in {dtype.value}" if dtype else ""
    console().print(f"{gpt} written for {target.value}{said} to {escape(str(out))}", soft_wrap=True)


def _write_gguf(
    model: "Model",
    tokenizer: "Tokenizer",
    out: Path,
    form: str | None,
    template: "ChatTemplate | None",
) -> None:
    from pellucid.checkpoint import export_gguf

    export_gguf(model, tokenizer, out, form=form, template=template)
    window = getattr(model.config, "window", None)
    if window is not None and window < model.config.block_size:
        console().print(
            f"llama.cpp looks at all positions here, and this model at {window}: beyond so many "
            "tokens its texts are others",
            soft_wrap=True,
        )
    if tokenizer.kind in {"characters", "words"}:
        console().print(
            f"llama.cpp has no tokenizer by {tokenizer.kind}: it takes and gives ids of this file, "
            "and pellucid reads it with --tokenizer",
            soft_wrap=True,
        )


def _form(dtype: Numbers | None) -> str | None:
    """The form of a GGUF's matrices."""
    if dtype is Numbers.FLOAT64:
        raise ConfigError("a GGUF file has numbers of at most 32 bits: write --dtype F32")
    alike = {own.value: form for own, form in ALIKE.items()}
    return None if dtype is None else alike.get(dtype.value, dtype).value


def _torch_dtype(dtype: Numbers | None, target: Target) -> Dtype | None:
    """PyTorch's dtype of that name or the other program's."""
    theirs = {form: own for own, form in ALIKE.items()}
    if dtype is None:
        return None
    if dtype in {Numbers.F16, Numbers.Q8_0}:
        raise ConfigError(
            f"{dtype.value} is a form of GGUF's, and {target.value} has float64, float32 and "
            "bfloat16: choose one of them, or --format gguf"
        )
    return theirs.get(dtype) or Dtype(dtype.value)


def _check_file(out: Path, *, overwrite: bool) -> None:
    """Raise `ConfigError` unless this is where a new GGUF file can be."""
    if out.suffix != ".gguf":
        raise ConfigError(
            f"--format gguf writes one file, and its name must end in .gguf, not {str(out)!r}: "
            f"write {str(out).rstrip('/')}.gguf"
        )
    if out.exists() and not overwrite:
        raise ConfigError(
            f"{out} must be a new file, and it is there: choose another, or add --overwrite"
        )
    check_writable(out)
