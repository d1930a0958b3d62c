"""`pellucid evaluate`: how well a model predicts a text, and each of its tokens."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import (
    DEVICE,
    MODEL,
    MODEL_DTYPE,
    MODEL_TOKENIZER,
    QUANTIZE,
    SPECIAL,
    Dtype,
    PackedForm,
    opening,
)
from pellucid.cli.options.output import OUT
from pellucid.cli.quantizing import packed_model
from pellucid.cli.screen import colophon, console
from pellucid.shipped import WRITER


def evaluate(
    context: Context,
    text: Annotated[Path, Argument(help="The UTF-8 text to predict.")],
    model: Annotated[str, MODEL] = WRITER,
    window: Annotated[
        int | None, Option(help="How many tokens the model sees at once; by default its context.")
    ] = None,
    stride: Annotated[
        int | None,
        Option(help="Tokens from one window to the next; by default half a window; 1 is slowest."),
    ] = None,
    begin: Annotated[
        bool,
        Option(
            "--begin/--no-begin",
            help="Put the end-of-text token in front, if the tokenizer has one.",
        ),
    ] = True,
    quantize: Annotated[PackedForm | None, QUANTIZE] = None,
    out: Annotated[
        Path | None,
        variant(OUT, "the text coloured by loss, a .html."),
    ] = None,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Score a text: nats per token, perplexity, and bits per byte, for any tokenizer."""
    from pellucid.checkpoint import open_model
    from pellucid.documents.losses import check_page, loss_lines, losses_page, scoring
    from pellucid.evaluate import evaluate_text
    from pellucid.files import write_text
    from pellucid.text.corpus import read_text

    if out is not None:
        check_page(out)
    content = read_text(text)
    how, screen = opening(model, tokenizer_name, dtype, device, special=special), console()
    exact = quantize is None
    with (
        nullcontext(open_model(model, **how)) if exact else packed_model(model, quantize, **how)
    ) as (gpt, tokenizer):
        with scoring(screen) as watch:
            found = evaluate_text(
                gpt, tokenizer, content, window=window, stride=stride, begin=begin, watch=watch
            )
        for line in loss_lines(found, content):
            screen.print(line, markup=False, soft_wrap=True)
    if out is not None:
        page = losses_page(
            found, tokenizer, content, title=f"{text.name} by {model}", colophon=colophon(context)
        )
        write_text(out, page)
        screen.print(f"{out}: {len(page.encode()):,} bytes", markup=False, soft_wrap=True)
