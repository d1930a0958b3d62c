"""`pellucid plot`: pictures of a step: attention, gradients, the loss as it falls."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from pellucid.cli.options import (
    MODEL,
    DtypeOption,
    TokenizerOption,
    blocks_of,
    console,
    dtype_of,
    not_empty,
)
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.trace import Trace


class What(StrEnum):
    """What can be drawn."""

    ATTENTION = "attention"
    GRADIENTS = "gradients"
    LOSS = "loss"


def plot(
    what: Annotated[What, Argument(help="What to draw.")],
    text: Annotated[
        str | None, Argument(help="A text with --model, or a GPT's worked example.")
    ] = None,
    out: Annotated[
        Path | None,
        Option("--out", "-o", metavar="FILE", help="An .svg, .png or .pdf; by default WHAT.svg."),
    ] = None,
    model: Annotated[str | None, MODEL] = None,
    tokenizer: TokenizerOption = None,
    layers: Annotated[
        str | None, Option(help="Of attention: all blocks, the default, or numbers as in 0,3.")
    ] = None,
    optimizer: Annotated[
        list[str] | None,
        Option(help="Of the loss: sgd, momentum, adam, adamw; repeatable, by default all four."),
    ] = None,
    learning_rate: Annotated[float, Option(help="Of the loss's steps.")] = 0.01,
    steps: Annotated[int, Option(min=1, help="Of the loss.")] = 50,
    dtype: DtypeOption = None,
) -> None:
    """Draw what each head looks at, how long gradients are by block, or the loss over some steps.

    The loss is that of the same text, step after step.
    """
    from pellucid.optim import OPTIMIZERS
    from pellucid.report import plots
    from pellucid.report.figure import check_picture
    from pellucid.trace import descend, gradient_norms

    path = out or Path(f"{what.value}.svg")
    check_picture(path)
    if model is None:
        trace = _example(text or "ai_rocks")
    else:
        trace = _text(not_empty(text), model, tokenizer=tokenizer, dtype=dtype_of(dtype))
    depth = trace.model.config.n_layer
    match what:
        case What.ATTENTION:
            names = [f"h.{layer}.attn.att" for layer in blocks_of(layers or "all", depth) or []]
            plots.draw_attention({name: trace.tape[name] for name in names}, trace.pieces, path)
        case What.GRADIENTS:
            plots.draw_gradient_norms(gradient_norms(trace.model, trace.tape), path)
        case What.LOSS:
            batch = (trace.tape["tokens"], trace.tape["targets"])
            settings = {"learning_rate": learning_rate, "weight_decay": 0.1}
            curves = {
                name: descend(trace.model, batch, settings | {"optimizer": name}, steps=steps)
                for name in optimizer or OPTIMIZERS
            }
            plots.draw_losses(curves, path)
    console().print(f"drawn to {path}", markup=False, soft_wrap=True)


def _example(name: str) -> "Trace":
    from pellucid.examples import Example, find_example

    example = find_example(name)
    if not isinstance(example, Example):
        raise ConfigError(f"only a GPT's example is drawn, and {name} is none: try ai_rocks")
    return example.record()


def _text(text: str, name: str, **how: Any) -> "Trace":
    from pellucid.checkpoint import open_model
    from pellucid.trace import record_step

    gpt, pieces = open_model(name, **how)
    return record_step(gpt, pieces.encode(text), pieces, update=None)
