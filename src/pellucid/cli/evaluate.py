"""`pellucid evaluate`: how well a model predicts a text, and each of its tokens."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from pellucid.cli.options import (
    MODEL,
    SHIPPED_MODEL,
    DeviceOption,
    DtypeOption,
    QuantizeOption,
    TokenizerOption,
    colophon,
    console,
    device_of,
    dtype_of,
    packed_model,
)


def evaluate(
    context: Context,
    text: Annotated[Path, Argument(help="A UTF-8 text that is predicted.")],
    model: Annotated[str, MODEL] = SHIPPED_MODEL,
    window: Annotated[
        int | None, Option(help="Tokens that are looked at together; by default the context.")
    ] = None,
    stride: Annotated[
        int | None,
        Option(help="Tokens from one window to the next; by default half of it, 1 is slowest."),
    ] = None,
    begin: Annotated[
        bool,
        Option(
            "--begin/--no-begin",
            help="Put the token for the end of a text in front, where there is one.",
        ),
    ] = True,
    quantize: QuantizeOption = None,
    out: Annotated[
        Path | None,
        Option("--out", "-o", metavar="FILE", help="Write the text coloured by loss: a .html."),
    ] = None,
    tokenizer: TokenizerOption = None,
    dtype: DtypeOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Score a text: nats a token, perplexity, and bits per byte, whatever the tokenizer."""
    from pellucid.checkpoint import open_model
    from pellucid.documents.losses import check_page, loss_lines, losses_page, scoring
    from pellucid.evaluate import evaluate_text
    from pellucid.files import write_text
    from pellucid.text.corpus import read_text

    if out is not None:
        check_page(out)
    content = read_text(text)
    gpt, pieces = open_model(
        model, tokenizer=tokenizer, dtype=dtype_of(dtype), device=device_of(device)
    )
    if quantize is not None:
        gpt = packed_model(gpt, quantize)
    screen = console()
    with scoring(screen) as watch:
        found = evaluate_text(
            gpt, pieces, content, window=window, stride=stride, begin=begin, watch=watch
        )
    for line in loss_lines(found, content):
        screen.print(line, markup=False, soft_wrap=True)
    if out is not None:
        page = losses_page(
            found, pieces, content, title=f"{text.name} by {model}", colophon=colophon(context)
        )
        write_text(out, page)
        screen.print(f"{out}: {len(page.encode()):,} bytes", markup=False, soft_wrap=True)
