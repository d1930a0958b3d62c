"""What the commands that train share: begin or go on with a run, and go through its steps."""

import os
import shlex
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Context, Option

from pellucid.cli.options import console
from pellucid.errors import ConfigError
from pellucid.files import clear_unfinished, make_room

if TYPE_CHECKING:
    from rich.console import Console

    from pellucid.distribute import Layout
    from pellucid.text import Tokenizer
    from pellucid.train import Progress, Recipe, TrainState

RUN_ONLY = ("out", "resume", "overwrite", "num_samples", "find_learning_rate")
"""Options that say what to do with a run, and not what the run is."""

FREE = (
    *("layout", "tensor", "device", "compiled", "recompute"),
    *("save_interval", "log_interval", "patience"),
)
"""Settings that may be others when a run goes on: its weights do not depend on them."""

ResumeOption = Annotated[
    bool,
    Option(
        "--resume",
        help="Go on with the run in --out, bit for bit, by its own settings; begin it if there is "
        "none.",
    ),
]
SaveOption = Annotated[
    int, Option(min=0, help="Iterations between saved points; 0: as often as it is evaluated.")
]
LogOption = Annotated[int, Option(help="Iterations between lines of the log.")]


class LayoutKind(StrEnum):
    """How several processes share the work."""

    DATA = "data"
    TENSOR = "tensor"
    SHARDED = "sharded"


LayoutOption = Annotated[
    LayoutKind | None,
    Option(
        help="Of the processes that torchrun starts: each its part of the batch, of every matrix, "
        "or of the batch and of all that is kept."
    ),
]
TensorOption = Annotated[
    int | None, Option(help="So many processes share the matrices, and groups of them the batch.")
]
PatienceOption = Annotated[
    int, Option(help="End after so many evaluations without a new best; 0: never.")
]


def settings_of(context: Context, out: Path, *, resume: bool) -> dict[str, Any]:
    """The command's options: as given, or of a run that is to go on, as it was begun with.

    Raises `ConfigError` where an option that is given is not what the run was begun with.
    """
    from pellucid.train.run import has_point, run_settings

    given = {name: _plain(value) for name, value in context.params.items() if name not in RUN_ONLY}
    if not (resume and has_point(out)):
        return given
    begun: dict[str, Any] = run_settings(out)["options"]
    sources = {name: context.get_parameter_source(name) for name in given}
    said = {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}
    for name in sorted(said & begun.keys()):
        value = given[name]
        if name not in FREE and value != begun[name]:
            raise ConfigError(
                f"a run goes on as it was begun, and {_option(name)} was {begun[name]} and is to "
                f"be {value}: leave it out, or begin anew with --overwrite"
            )
    return given | begun | {name: given[name] for name in said & set(FREE)}


def _plain(value: Any) -> Any:
    """An option's value as JSON takes it; a path is made good for any working directory."""
    if isinstance(value, Path):
        return str(value.resolve() if value.exists() else value)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.value if hasattr(value, "value") else value


def _option(name: str) -> str:
    return "the text" if name in {"text", "pairs"} else f"--{name.replace('_', '-')}"


def recipe_of(settings: Mapping[str, Any], **fixed: Any) -> "Recipe":
    """The recipe that the options say."""
    from dataclasses import fields

    from pellucid.train import Recipe

    known = {field.name for field in fields(Recipe)}
    return Recipe(**{name: settings[name] for name in known & settings.keys()} | fixed)


def begin_or_resume(
    out: Path,
    settings: Mapping[str, Any],
    *,
    resume: bool,
    overwrite: bool,
    fingerprint: str,
    device: Any,
    untrained: Callable[[], Any],
    pieces: "Tokenizer",
    recipe: "Recipe",
    layout: "Layout",
) -> "tuple[Any, TrainState]":
    """The model to train and the point from which, of a run that is laid out in `out`.

    Of several processes the first lays it out, and the others read what it has written.
    """
    from pellucid.train.run import FILES, RUN, begin_run, check_same_data, has_point, resume_run
    from pellucid.train.state import begin

    if not layout.is_first:
        meet(layout)
        return resume_run(out, device)
    goes_on = resume and has_point(out)
    if goes_on:
        check_same_data(out, fingerprint)
    if resume and out.is_dir():
        # Before the others are let in: from then on such a file may be one that is being written.
        for name in FILES:
            clear_unfinished(out / name)
    if goes_on:
        meet(layout)
        return resume_run(out, device)
    # A run that was killed while it was laid out has no point yet, and is begun once more.
    make_room(out, overwrite=overwrite or (resume and (out / RUN).exists()))
    model = untrained()
    point = begin(model.params, recipe.seed)
    begin_run(out, model, pieces, point, {"options": dict(settings), "data": fingerprint})
    meet(layout)
    return model, point


def meet(layout: "Layout") -> None:
    """Wait until all processes are here."""
    if layout.size > 1:
        import torch.distributed as dist

        dist.barrier()


@contextmanager
def processes(
    kind: LayoutKind | None, device: Any, tensor: int | None
) -> "Iterator[tuple[Layout, Console]]":
    """The layout of the processes that train, and the screen, on which only the first writes."""
    from rich.console import Console

    from pellucid.distribute import ALONE, open_layout

    if kind is None:
        started = int(os.environ.get("WORLD_SIZE", "1"))
        if started > 1:
            raise ConfigError(
                f"{started} processes must know how to share the work: add --layout data, tensor "
                "or sharded"
            )
        if tensor is not None:
            raise ConfigError(
                "--tensor splits a layout's matrices, and there is none: add --layout"
            )
        yield ALONE, console()
        return
    with open_layout(LayoutKind(kind).value, device=device, tensor=tensor) as layout:
        yield layout, console() if layout.is_first else Console(quiet=True)


@contextmanager
def quickly(screen: "Console", recipe: "Recipe") -> "Iterator[Recipe]":
    """What makes a training quick on this machine; inside, the recipe is what it can follow.

    Where nothing can be compiled, that is said in a line, and the step is not compiled.
    """
    from dataclasses import replace

    from pellucid.kernels.precision import fastest_float32

    if recipe.compiled:
        from pellucid.kernels.compiled import why_not_compiled

        if why := why_not_compiled():
            why_not = f"the step is not compiled, since {why}"
            screen.print(why_not, markup=False, soft_wrap=True)
            recipe = replace(recipe, compiled=False)
    with fastest_float32():
        yield recipe


def go_through(
    context: Context,
    screen: "Console",
    steps: "Iterator[Progress[Any]]",
    out: Path,
    *,
    start: "TrainState",
    recipe: "Recipe",
    layout: "Layout",
) -> Any:
    """Go through the steps of a training, showing them, and return the best model.

    The best by validation loss is in `out` as soon as it is found. Ctrl-C, or a friendly request
    to end, saves the point and says how to go on.
    """
    from rich.markup import escape

    from pellucid.checkpoint import load
    from pellucid.terminal.progress import with_progress
    from pellucid.train.run import TrainingRun

    if not layout.is_first:
        return _quietly(steps)
    total = recipe.max_iters
    run, model, command = TrainingRun(out, start, recipe), None, context.info_name
    place = escape(str(out))
    if start.iteration:
        screen.print(f"going on after iteration {start.iteration:,}")
    try:
        with _requests_as_interrupts():
            for step in with_progress(screen, steps, total):
                run.keep(step)
                model = step.model if step.is_best else model
        run.save()
    except KeyboardInterrupt:
        run.save()
        best = run.point.best
        kept = f"with validation loss {best:.4f} is" if run.point.best_iteration else "is not yet"
        screen.print(
            f"stopped after iteration {run.point.iteration:,}: a model {kept} in {place}; go on "
            f"with: pellucid {command} --resume --out {escape(shlex.quote(str(out)))}",
            soft_wrap=True,
        )
        raise typer.Exit(130) from None
    finally:
        run.close()
    if recipe.patience and run.point.iteration < total:
        screen.print(
            f"ended after iteration {run.point.iteration:,}: no new best since iteration "
            f"{run.point.best_iteration:,}"
        )
    screen.print(
        f"best validation loss {run.point.best:.4f} nats a token, kept in {place}", soft_wrap=True
    )
    return load(out) if model is None else model


def _quietly(steps: "Iterator[Progress[Any]]") -> None:
    """Go through the steps beside the process that shows and saves them."""
    try:
        with _requests_as_interrupts():
            for _ in steps:
                pass
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@contextmanager
def _requests_as_interrupts() -> Iterator[None]:
    """SIGTERM, by which schedulers end a job, is taken like Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
