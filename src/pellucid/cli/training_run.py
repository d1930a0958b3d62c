"""What the commands that train share: begin or go on with a run, and go through its steps."""

import shlex
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer import Context, Option

from pellucid.errors import ConfigError
from pellucid.files import clear_unfinished, make_room

if TYPE_CHECKING:
    from pellucid.text import Tokenizer
    from pellucid.train import Point, Progress, Recipe

RUN_ONLY = ("out", "resume", "overwrite", "num_samples", "find_learning_rate")
"""Options that say what to do with a run, and not what the run is."""

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
    for name, value in given.items():
        source = context.get_parameter_source(name)
        said = source is not None and source.name == "COMMANDLINE"
        if said and name in begun and value != begun[name]:
            raise ConfigError(
                f"a run goes on as it was begun, and {_option(name)} was {begun[name]} and is to "
                f"be {value}: leave it out, or begin anew with --overwrite"
            )
    return given | begun


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
) -> "tuple[Any, Point]":
    """The model to train and the point from which, of a run that is laid out in `out`."""
    from pellucid.train.point import begin
    from pellucid.train.run import FILES, RUN, begin_run, check_same_data, has_point, resume_run

    if resume and has_point(out):
        check_same_data(out, fingerprint)
        return resume_run(out, device)
    if resume and out.is_dir():
        for name in FILES:
            clear_unfinished(out / name)
    # A run that was killed while it was laid out has no point yet, and is begun once more.
    make_room(out, overwrite=overwrite or (resume and (out / RUN).exists()))
    model = untrained()
    point = begin(model.params, recipe.seed)
    begin_run(out, model, pieces, point, {"options": dict(settings), "data": fingerprint})
    return model, point


def go_through(
    context: Context,
    screen: Console,
    steps: "Iterator[Progress[Any]]",
    out: Path,
    *,
    start: "Point",
    total: int,
    save_interval: int,
) -> Any:
    """Go through the steps of a training, showing them, and return the best model.

    The best by validation loss is in `out` as soon as it is found. Ctrl-C, or a friendly request
    to end, saves the point and says how to go on.
    """
    from pellucid.checkpoint import load
    from pellucid.report.progress import with_progress
    from pellucid.train.run import Run

    run, model, command = Run(out, start, save_interval), None, context.info_name
    place = escape(str(out))
    if start.iteration:
        screen.print(f"going on after iteration {start.iteration:,}")
    try:
        with _requests_as_interrupts():
            for step in with_progress(screen, steps, total):
                run.keep(step, is_last=step.iteration == total)
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
    if run.point.iteration < total:
        screen.print(
            f"ended after iteration {run.point.iteration:,}: no new best since iteration "
            f"{run.point.best_iteration:,}"
        )
    screen.print(
        f"best validation loss {run.point.best:.4f} nats a token, kept in {place}", soft_wrap=True
    )
    return load(out) if model is None else model


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
