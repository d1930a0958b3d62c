"""`pellucid reach`: which head looks from one place of a text back, and what that does to it."""

from pathlib import Path
from typing import Annotated, Any

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
from pellucid.cli.options.output import OUT
from pellucid.cli.options.text import not_empty
from pellucid.cli.recorded import shipped_reader
from pellucid.cli.screen import console
from pellucid.errors import ConfigError
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
            "by default what each head looks at most, or the word of --patch.",
        ),
    ] = None,
    words: Annotated[
        tuple[str, str] | None,
        Option(
            "--contrast",
            metavar="ONE OTHER",
            help="Two next tokens, as in ' her' ' his': what each head adds to log p(ONE) - "
            "log p(OTHER), as a sum.",
        ),
    ] = None,
    swap: Annotated[
        tuple[str, str] | None,
        Option(
            "--patch",
            metavar="OLD NEW",
            help="With --contrast: take each head in turn from the text with the word NEW for OLD, "
            "and rank the heads by what that changes.",
        ),
    ] = None,
    at: Annotated[
        str | None,
        Option(
            metavar="PLACE",
            help="With --patch: take what a head gathers at one place alone, a position's number "
            "or a word (its last token); by default at all positions.",
        ),
    ] = None,
    out: Annotated[
        Path | None, variant(OUT, "a picture of all heads, layer by layer: .svg, .png or .pdf.")
    ] = None,
    top: Annotated[int, Option(min=1, help="How many heads to list.")] = 10,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Rank all heads by how much one place of a text looks back at another.

    With --contrast, by what they add to the difference of two next tokens.
    """
    from pellucid.checkpoint import open_model
    from pellucid.inspect import contrast
    from pellucid.inspect import reach as reach_of
    from pellucid.pictures.figure import check_picture
    from pellucid.pictures.heads import contrast_maps, draw_heads, reach_map
    from pellucid.terminal.contrast import contrast_lines, patching
    from pellucid.terminal.reach import reach_lines

    if swap is not None and words is None:
        raise ConfigError(
            "--patch is measured by the difference of two next tokens: name them by --contrast"
        )
    if at is not None and swap is None:
        raise ConfigError("--at says where heads are patched: say from which text by --patch")
    if out is not None:
        check_picture(out)
    model = model or shipped_reader()
    one, tokenizer = open_model(
        model, **opening(model, tokenizer_name, dtype, device, special=special)
    )
    screen = console()
    places: dict[str, Any] = {"start": start, "target": target}
    if words is None:
        found = reach_of(one, tokenizer, not_empty(text), **places)
        maps, ranked = [reach_map(found, target)], [(look.layer, look.head) for look in found.looks]
        lines = reach_lines(found, top=top, width=screen.width)
    else:
        with patching(screen) as watch:
            how = {**places, "swap": swap, "at": at, "top": top, "watch": watch}
            why = contrast(one, tokenizer, not_empty(text), words, **how)
        maps, ranked = contrast_maps(why, target or (swap[0] if swap else None)), [*why.ranked]
        lines = contrast_lines(why, top=top)
    for line in lines:
        screen.print(line)
    if out is not None:
        draw_heads(maps, out, outlined=ranked[:top])
        screen.print(f"drawn to {out}", markup=False, soft_wrap=True)
