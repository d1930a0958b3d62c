"""What the commands that train share: start or resume a run, and go through its steps."""

import shlex
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import typer
from typer import Context

from pellucid.cli.options.model import device_of
from pellucid.cli.run_settings import GROWS
from pellucid.cli.screen import console
from pellucid.errors import ConfigError
from pellucid.files import clear_unfinished, make_room

if TYPE_CHECKING:
    from rich.console import Console

    from pellucid.distribute import Layout
    from pellucid.text import ChatTemplate, Tokenizer
    from pellucid.train import Progress, Recipe, TrainState


class LayoutKind(StrEnum):
    """How several processes share the work."""

    DATA = "data"
    TENSOR = "tensor"
    SHARDED = "sharded"


class Untrained(NamedTuple):
    """What a training begins with."""

    model: Callable[[], Any]  # on its device; made only where a run is begun
    corpus: Any
    tokenizer: "Tokenizer"
    about: str  # the data in a line
    template: "Callable[[], ChatTemplate | None]" = lambda: None  # where one came with the model


def train_run(
    context: Context,
    settings: Mapping[str, Any],
    untrained: Untrained,
    recipe: "Recipe",
    *,
    screen: "Console",
    layout: "Layout",
) -> Any:
    """Train in --out, from the beginning or from where the run there stands: the best model."""
    from pellucid.train import train
    from pellucid.train.locked import locked

    with locked(context.params["out"]) if layout.is_first else nullcontext():
        model, start = _begin_or_resume(context, settings, untrained, recipe, layout)
        screen.print(str(model))
        screen.print(untrained.about)
        steps = train(model, untrained.corpus, recipe, start=start, layout=layout)
        return _go_through(context, screen, steps, start=start, recipe=recipe, layout=layout)


def _begin_or_resume(
    context: Context,
    settings: Mapping[str, Any],
    untrained: Untrained,
    recipe: "Recipe",
    layout: "Layout",
) -> "tuple[Any, TrainState]":
    """The model to train and the point from which, of a run that is laid out in --out.

    Of several processes the first lays it out, and the others read what it has written.
    """
    from pellucid.train.run import (
        FILES,
        RUN,
        begin_run,
        check_nothing_lost,
        check_same_data,
        extend_run,
        has_point,
        resume_run,
        run_settings,
    )
    from pellucid.train.state import begin

    out, resume, overwrite = (context.params[name] for name in ("out", "resume", "overwrite"))
    device = device_of(settings["device"])
    fingerprint = untrained.corpus.fingerprint()
    if not layout.is_first:
        _meet(layout)
        return resume_run(out, device)
    goes_on = resume and has_point(out)
    if goes_on:
        check_same_data(out, fingerprint)
    elif resume and not overwrite:
        check_nothing_lost(out)
    if resume and out.is_dir():
        # Before the others are let in: from then on such a file may be one that is being written.
        for name in FILES:
            clear_unfinished(out / name)
    if goes_on:
        resumed = resume_run(out, device)
        if settings[GROWS] != run_settings(out).get("options", {}).get(GROWS):
            extend_run(out, {GROWS: settings[GROWS]})
        _meet(layout)
        return resumed
    # A run that was killed while it was laid out has no point yet, and is begun once more.
    make_room(out, overwrite=overwrite or (resume and (out / RUN).exists()))
    model = untrained.model()
    point = begin(model.params, recipe.seed)
    begun = {"options": dict(settings), "data": fingerprint}
    template = untrained.template()
    begin_run(out, model, untrained.tokenizer, point, begun, template=template)
    _meet(layout)
    return model, point


def _meet(layout: "Layout") -> None:
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

    from pellucid.distribute import ALONE, number_in, open_layout

    if kind is None:
        started = number_in("WORLD_SIZE", 1, least=1)
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
def quickly(screen: "Console", recipe: "Recipe", device: Any) -> "Iterator[Recipe]":
    """What makes a training quick on this machine; inside, the recipe is what it can follow.

    Where nothing can be compiled, that is said in a line, and the step is not compiled. Where
    --mixed makes a training slow, that is said too.
    """
    from dataclasses import replace

    from pellucid.kernels.precision import SLOW, bfloat16_slowness, fastest_float32

    if recipe.mixed and device.type == "cpu" and (times := bfloat16_slowness()) > SLOW:
        screen.print(
            f"note: this processor multiplies bfloat16 {times:.0f} times as slowly as float32: "
            "without --mixed it trains faster",
            markup=False,
            soft_wrap=True,
        )
    if recipe.compiled:
        from pellucid.kernels.compiled import why_not_compiled

        if why := why_not_compiled():
            why_not = f"the step is not compiled, since {why}"
            screen.print(why_not, markup=False, soft_wrap=True)
            recipe = replace(recipe, compiled=False)
    with fastest_float32():
        yield recipe


def _go_through(
    context: Context,
    screen: "Console",
    steps: "Iterator[Progress[Any]]",
    *,
    start: "TrainState",
    recipe: "Recipe",
    layout: "Layout",
) -> Any:
    """Go through the steps of a training, showing them, and return the best model.

    The best by validation loss is in --out as soon as it is found. Ctrl-C, or a friendly request
    to end, saves the state and says how to resume.
    """
    from rich.markup import escape

    from pellucid.checkpoint import load
    from pellucid.terminal.progress import with_progress
    from pellucid.train.run import TrainingRun

    if not layout.is_first:
        return _quietly(steps)
    out: Path = context.params["out"]
    total = recipe.max_iters
    run, model, command = TrainingRun(out, start, recipe), None, context.info_name
    place = escape(str(out))
    if start.iteration:
        screen.print(f"going on after iteration {start.iteration:,}")
    if start.iteration >= total:
        screen.print(f"it is the last of {total:,}: a larger --max-iters trains further")
    try:
        with _requests_as_interrupts():
            for step in with_progress(screen, steps, total):
                run.keep(step)
                model = step.kept if step.is_best else model
        run.save()
    except KeyboardInterrupt:
        run.save()
        best = run.point.best
        kept = f"with validation loss {best:.4f} is" if run.point.best_iteration else "is not yet"
        screen.print(
            f"stopped after iteration {run.point.iteration:,}: a model {kept} in {place}; resume "
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
