"""`pellucid export`: a checkpoint in another project's format."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from pellucid.cli.options import TokenizerOption, console
from pellucid.files import make_room


class Target(StrEnum):
    """What a checkpoint can be exported to."""

    HUGGINGFACE = "huggingface"
    LLM_C = "llm.c"


def export(
    model: Annotated[str, Argument(metavar="DIR", help="The checkpoint, as for --model.")],
    out: Annotated[Path, Argument(help="The directory to write; for llm.c, model.bin in it.")],
    to: Annotated[Target, Option(help="The format.")] = Target.HUGGINGFACE,
    tokenizer: TokenizerOption = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace what is in OUT.")] = False,
) -> None:
    """Write a checkpoint in another project's format."""
    from rich.markup import escape

    from pellucid.checkpoint import export_huggingface, export_llm_c, open_model

    gpt, pieces = open_model(model, tokenizer=tokenizer)
    make_room(out, overwrite=overwrite)
    if to is Target.LLM_C:
        export_llm_c(gpt, out / "model.bin")
    else:
        export_huggingface(gpt, out)
    if pieces.kind == "bpe":
        pieces.save(out / "tokenizer.json")
    if gpt.config.lora_rank:
        console().print(
            "LoRA's pairs are merged: the format has no place for them, and each product is added "
            "to its weight",
            soft_wrap=True,
        )
    console().print(f"{gpt} written for {to.value} to {escape(str(out))}", soft_wrap=True)
