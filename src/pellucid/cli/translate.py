"""`pellucid translate`: a text in one language in, in another out."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from pellucid.cli.options import (
    MODEL,
    TRANSLATOR,
    DeviceOption,
    DtypeOption,
    TokenizerOption,
    console,
    device_of,
    dtype_of,
    not_empty,
)


def translate(
    text: Annotated[str, Argument(help="The text to translate.")],
    model: Annotated[str, MODEL] = TRANSLATOR,
    beam: Annotated[int, Option(min=1, help="Texts that are kept at every step.")] = 4,
    greedy: Annotated[bool, Option("--greedy", help="A beam of 1.")] = False,
    length_penalty: Annotated[float, Option(help="Above 0 favours long texts.")] = 1.0,
    max_new_tokens: Annotated[int, Option(help="The most tokens of the translation.")] = 256,
    why: Annotated[
        bool, Option("--why", help="Show what the beam found, and which token looked at which.")
    ] = False,
    picture: Annotated[
        Path | None,
        Option("--alignment", help="Draw the alignment to this file: .svg, .png or .pdf."),
    ] = None,
    tokenizer: TokenizerOption = None,
    dtype: DtypeOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Translate a text by a model of train-translator."""
    from rich.markup import escape

    from pellucid.checkpoint import open_model
    from pellucid.generate import translate as translating
    from pellucid.inspect.alignment import align
    from pellucid.models import GPT, Transformer
    from pellucid.pictures.alignment import draw_alignment, print_alignment
    from pellucid.terminal.hypotheses import hypothesis_lines

    translator, pieces = open_model(
        model,
        kinds=(GPT, Transformer),
        tokenizer=tokenizer,
        dtype=dtype_of(dtype),
        device=device_of(device),
    )
    (found,) = translating(
        translator,
        pieces,
        [not_empty(text)],
        width=1 if greedy else beam,
        alpha=length_penalty,
        max_new_tokens=max_new_tokens,
    )
    screen = console()
    screen.print(found.text, markup=False, soft_wrap=True)
    if why or picture:
        alignment = align(translator, pieces, text, found.hypotheses[0].tokens)
        if why:
            for line in hypothesis_lines(pieces, found.hypotheses):
                screen.print(line)
            print_alignment(screen, alignment)
        if picture:
            draw_alignment(alignment, picture)
            screen.print(f"alignment drawn to {escape(str(picture))}", soft_wrap=True)
