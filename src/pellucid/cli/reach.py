"""`pellucid reach`: which head looks from one place of a text back to another."""

from typing import Annotated

from typer import Argument, Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import (
    DEVICE,
    MODEL,
    MODEL_DTYPE,
    MODEL_TOKENIZER,
    SPECIAL,
    Dtype,
    opening,
)
from pellucid.cli.options.text import not_empty
from pellucid.cli.recorded import shipped_reader
from pellucid.cli.screen import console
from pellucid.shipped import SHIPPED_MODEL


def reach(
    text: Annotated[str, Argument(help="The text to look back over.")],
    model: Annotated[str | None, variant(MODEL, default=SHIPPED_MODEL)] = None,
    start: Annotated[
        str | None,
        Option(
            "--from",
            metavar="PLACE",
            help="Where to look from: a position's number, or a word (its last token); by default "
            "the last token.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        Option(
            "--to",
            metavar="PLACE",
            help="Where to look: a position's number, or a word (all tokens of its last "
            "occurrence); "
            "by default what each head looks at most.",
        ),
    ] = None,
    top: Annotated[int, Option(min=1, help="How many heads to list.")] = 10,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Rank all heads by how much one place of a text looks back at another."""
    from pellucid.checkpoint import open_model
    from pellucid.inspect import reach as reach_of
    from pellucid.terminal.reach import reach_lines

    model = model or shipped_reader()
    gpt, tokenizer = open_model(
        model, **opening(model, tokenizer_name, dtype, device, special=special)
    )
    found = reach_of(gpt, tokenizer, not_empty(text), start=start, target=target)
    screen = console()
    for line in reach_lines(found, top=top, width=screen.width):
        screen.print(line)
