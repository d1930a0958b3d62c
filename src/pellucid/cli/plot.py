"""`pellucid plot`: pictures of a step: attention, gradients, the loss; or of a training's log."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Context, Option

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
    from pellucid.train import Trace


class What(StrEnum):
    """What can be drawn."""

    ATTENTION = "attention"
    GRADIENTS = "gradients"
    LOSS = "loss"


RUN_FILE = "training.svg"
"""What runs are drawn to unless the user says otherwise."""


def plot(
    context: Context,
    what: Annotated[
        str,
        Argument(
            metavar="WHAT|RUN",
            help="attention, gradients or loss; or a training's directory, whose log is drawn.",
        ),
    ],
    more: Annotated[
        list[str] | None,
        Argument(
            metavar="TEXT|RUN",
            help="A text with --model, or a GPT's worked example; or runs to compare with RUN.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        Option(
            "--out",
            "-o",
            metavar="FILE",
            help="An .svg, .png or .pdf; by default WHAT.svg, or RUN/training.svg, or training.svg "
            "of several runs.",
        ),
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
    """Draw what each head looks at, how long gradients are by block, or a text's loss over steps.

    Of a RUN that pellucid train wrote: loss, norms by layer and more; several are compared.
    """
    if what not in list(What):
        _draw_runs(context, [what, *(more or [])], out)
        return
    from pellucid.inspect import gradient_norms
    from pellucid.optim import OPTIMIZERS
    from pellucid.pictures import plots
    from pellucid.pictures.figure import check_picture
    from pellucid.train import descend

    if more and len(more) > 1:
        raise ConfigError(
            f"{what} is drawn of one text or example, not of {len(more)}: write a text in quotes"
        )
    text = more[0] if more else None
    path = out or Path(f"{what}.svg")
    check_picture(path)
    if model is None:
        trace = _example(text or "ai_rocks")
    else:
        trace = _text(not_empty(text), model, tokenizer=tokenizer, dtype=dtype_of(dtype))
    depth = trace.model.config.n_layer
    match What(what):
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
    _say(path)


def _say(path: Path) -> None:
    console().print(f"drawn to {path}", markup=False, soft_wrap=True)


def _draw_runs(context: Context, names: Sequence[str], out: Path | None) -> None:
    from pellucid.pictures.figure import check_picture
    from pellucid.pictures.run_plot import draw_run
    from pellucid.train.run_log import read_log

    for name in names:
        if not Path(name).is_dir():
            raise ConfigError(
                f"what is drawn must be {', '.join(What)}, or the directory of a run, and {name!r} "
                "is none of them: give one of the words, or what was pellucid train's --out"
            )
    for option in context.command.params:
        source = context.get_parameter_source(str(option.name))
        given = source is not None and source.name == "COMMANDLINE"
        if given and option.name not in {"what", "more", "out"}:
            raise ConfigError(
                f"{option.opts[0]} does not go with a run, whose log is drawn as it is: leave it "
                "out"
            )
    path = out or (Path(names[0]) / RUN_FILE if len(names) == 1 else Path(RUN_FILE))
    check_picture(path)
    draw_run({name: read_log(Path(name)) for name in names}, path)
    _say(path)


def _example(name: str) -> "Trace":
    from pellucid.examples import Example, find_example

    example = find_example(name)
    if not isinstance(example, Example):
        raise ConfigError(f"only a GPT's example is drawn, and {name} is none: try ai_rocks")
    return example.record()


def _text(text: str, name: str, **how: Any) -> "Trace":
    from pellucid.checkpoint import open_model
    from pellucid.train import record_step

    gpt, pieces = open_model(name, **how)
    return record_step(gpt, pieces.encode(text), pieces, update=None)
