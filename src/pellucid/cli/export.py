"""`pellucid export`: a checkpoint in another project's format."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from pellucid.cli.options.model import MODEL_DTYPE, MODEL_TOKENIZER, Dtype, dtype_of
from pellucid.cli.options.output import OVERWRITE
from pellucid.cli.screen import console
from pellucid.files import make_room


class Target(StrEnum):
    """What a checkpoint can be exported to."""

    HUGGINGFACE = "huggingface"
    LLM_C = "llm.c"


def export(
    model: Annotated[str, Argument(metavar="DIR", help="The checkpoint, as for --model.")],
    out: Annotated[
        Path, Argument(help="The directory to write; for llm.c, it will hold model.bin.")
    ],
    target: Annotated[
        Target, Option("--format", help="Which format to write.")
    ] = Target.HUGGINGFACE,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Write a checkpoint in another project's format."""
    from rich.markup import escape

    from pellucid.checkpoint import export_huggingface, export_llm_c, open_model

    gpt, tokenizer = open_model(model, tokenizer=tokenizer_name, dtype=dtype_of(dtype))
    make_room(out, overwrite=overwrite)
    if target is Target.LLM_C:
        export_llm_c(gpt, out / "model.bin")
    else:
        export_huggingface(gpt, out)
    if tokenizer.kind == "bpe":
        tokenizer.save(out / "tokenizer.json")
    if gpt.config.lora_rank:
        console().print(
            "LoRA's matrices are merged: the format has no place for them; each product is added "
            "to its weight",
            soft_wrap=True,
        )
    console().print(f"{gpt} written for {target.value} to {escape(str(out))}", soft_wrap=True)
