"""`pellucid plot`: pictures of a step: attention, gradients, the loss; of optimizers' paths; or of
a training's log.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Context

from pellucid.cli.options import variant
from pellucid.cli.options.model import MODEL, MODEL_DTYPE, MODEL_TOKENIZER, SPECIAL, Dtype, opening
from pellucid.cli.options.optimizer import LEARNING_RATE, OPTIMIZER, STEPS
from pellucid.cli.options.output import LAYERS, OUT, blocks_of
from pellucid.cli.recorded import STEP, reader_of, record_text
from pellucid.cli.screen import console, given_options
from pellucid.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from pellucid.train import Trace


class What(StrEnum):
    """What can be drawn."""

    ATTENTION = "attention"
    GRADIENTS = "gradients"
    LOSS = "loss"
    PATHS = "paths"


RUN_FILE = "training.svg"
"""Where runs are drawn unless the user chooses a file."""


def plot(
    context: Context,
    what: Annotated[
        str,
        Argument(
            metavar="WHAT|RUN",
            help="attention, gradients, loss or paths; or a training's directory, to draw its log.",
        ),
    ],
    more: Annotated[
        list[str] | None,
        Argument(
            metavar="TEXT|RUN",
            help="A text with --model, or a model's worked example; or runs to compare with RUN.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        variant(
            OUT,
            "the picture: .svg, .png or .pdf.",
            default="WHAT.svg, or RUN/training.svg, or training.svg of several runs",
        ),
    ] = None,
    model: Annotated[str | None, MODEL] = None,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    layers: Annotated[str | None, variant(LAYERS, "Only for attention.", default="all")] = None,
    optimizer: Annotated[
        list[str] | None,
        variant(OPTIMIZER, "Only for loss and paths. Repeatable.", default="all four"),
    ] = None,
    learning_rate: Annotated[
        float | None,
        variant(LEARNING_RATE, "Only for loss and paths.", default="0.01, or 0.5 of paths"),
    ] = None,
    steps: Annotated[
        int | None, variant(STEPS, "Only for loss and paths.", default="50, or 8 of paths")
    ] = None,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
) -> None:
    """Draw the attention of each head, the gradient norms of each block, or a loss over steps.

    Of paths, draw the ways of the optimizers down one loss of two weights, the example optimizers.
    For a RUN that pellucid train wrote, draw its loss, norms by layer and more.
    """
    if what not in list(What):
        _draw_runs(context, [what, *(more or [])], out)
        return
    if what == What.PATHS:
        _draw_paths(context, more or [], out or Path("paths.svg"))
        return
    from pellucid.inspect import gradient_norms
    from pellucid.optim import OPTIMIZERS
    from pellucid.pictures import plots
    from pellucid.pictures.figure import check_picture
    from pellucid.tape import check_finite
    from pellucid.train import descend

    if more and len(more) > 1:
        raise ConfigError(
            f"{what} is drawn of one text or example, not of {len(more)}: write a text in quotes"
        )
    text = more[0] if more else None
    path = out or Path(f"{what}.svg")
    check_picture(path)
    model = reader_of(text, model)
    if model is None and what == What.ATTENTION and _is_demonstration(text):
        _draw_tables(str(text), layers, path)
        return
    how = opening(model, tokenizer_name, dtype, special=special)
    trace = _example(text or "ai_rocks") if model is None else record_text(text, model, how, None)
    depth = trace.model.config.n_layer
    match What(what):
        case What.ATTENTION:
            names = [f"h.{layer}.attn.att" for layer in blocks_of(layers or "all", depth) or []]
            check_finite(trace.tape, "attention", names)
            both = (trace.pieces, trace.pieces)
            plots.draw_attention(
                {name: trace.tape.value(name) for name in names}, dict.fromkeys(names, both), path
            )
        case What.GRADIENTS:
            plots.draw_gradient_norms(gradient_norms(trace.model, trace.tape), path)
        case What.LOSS:
            check_finite(trace.tape, "losses", ["loss"])
            batch = (trace.tape.value("tokens"), trace.tape.value("targets"))
            settings = STEP | {"learning_rate": 0.01 if learning_rate is None else learning_rate}
            curves = {
                name: descend(trace.model, batch, settings | {"optimizer": name}, steps=steps or 50)
                for name in optimizer or OPTIMIZERS
            }
            plots.draw_losses(curves, path)
        case What.PATHS:
            pass  # drawn above
    _say(path)


def _say(path: Path) -> None:
    console().print(f"drawn to {path}", markup=False, soft_wrap=True)


def _is_demonstration(name: str | None) -> bool:
    from pellucid.examples import Demonstration, find_example

    return name is not None and isinstance(find_example(name), Demonstration)


def _draw_tables(name: str, layers: str | None, path: Path) -> None:
    """Draw the attention tables that a demonstration has, of whatever model it runs."""
    from pellucid.examples import Demonstration, find_example
    from pellucid.pictures.plots import draw_attention

    example = find_example(name)
    assert isinstance(example, Demonstration)
    if layers is not None:
        raise ConfigError(f"--layers goes with a model, and {name} draws all that it has: leave it")
    walkthrough = example.walkthrough()
    tables, along = {}, {}
    tape = walkthrough.tape
    for value in tape:
        found, gradient = tape.value(value), value.startswith("d") and value[1:] in tape
        if value.rpartition(".")[2] == "att" and not gradient and found.dim() in {2, 3}:
            tables[value] = found if found.dim() == 3 else found[None]
            rows, columns = ([None, None, *walkthrough.labels(value)])[-2:]
            along[value] = (rows, columns)
    if not tables:
        raise ConfigError(
            f"attention is drawn of an example that has it for one text, and {name} has none: "
            "try where_do_you_live"
        )
    draw_attention(tables, along, path)
    _say(path)


PATHS_TAKE = {"what", "more", "out", "optimizer", "learning_rate", "steps"}
"""What can be given with paths."""


def _draw_paths(context: Context, more: Sequence[str], path: Path) -> None:
    from pellucid.examples import optimizers
    from pellucid.optim import OPTIMIZERS
    from pellucid.pictures.figure import check_picture
    from pellucid.pictures.paths import draw_paths
    from pellucid.train import check_update

    if any(name != "optimizers" for name in more):
        raise ConfigError(
            f"paths are drawn of the example optimizers, which has two weights, not of {more[0]}: "
            "for another loss over steps take pellucid plot loss"
        )
    for option in context.command.params:
        if option.name in given_options(context) - PATHS_TAKE:
            raise ConfigError(
                f"{option.opts[0]} does not go with paths, which are those of a worked example: "
                "leave it out"
            )
    check_picture(path)
    values = context.params
    rate = optimizers.RATE if values["learning_rate"] is None else values["learning_rate"]
    names, steps = values["optimizer"] or list(OPTIMIZERS), values["steps"] or optimizers.STEPS
    for name in names:
        check_update({"optimizer": name, "learning_rate": rate})
    courses = {
        optimizers.NAMES[name]: optimizers.course(name, rate=rate, steps=steps) for name in names
    }
    for name, (weights, _) in courses.items():
        if not bool(weights.isfinite().all()):
            raise ConfigError(
                f"a path must be of finite weights, and those of {name} are not: take a smaller "
                "--learning-rate"
            )
    draw_paths(courses, optimizers.land_around(courses.values()), optimizers.FEATURES, path)
    _say(path)


def _draw_runs(context: Context, names: Sequence[str], out: Path | None) -> None:
    from pellucid.pictures.figure import check_picture
    from pellucid.pictures.run_plot import draw_run
    from pellucid.train.run_log import read_log

    for name in names:
        if not Path(name).is_dir():
            raise ConfigError(
                f"what is drawn must be {', '.join(What)}, or the directory of a run, and {name!r} "
                f"is none of them{did_you_mean(name, What)}: give one of the words, or what was "
                "pellucid train's --out"
            )
    given = given_options(context) - {"what", "more", "out"}
    for option in context.command.params:
        if option.name in given:
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
        raise ConfigError(f"only a model's example is drawn, and {name} is not one: try ai_rocks")
    return example.record()
