"""The command line: a file a command, which reads its options, calls the package, and prints.

What a command calls is imported inside it, and what few need where they need it: so `--help` and
`tokenize` do not wait for PyTorch, which takes a second to import.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, Any, NoReturn

import typer

from pellucid.cli.bench import bench
from pellucid.cli.chat import chat
from pellucid.cli.classify import classify
from pellucid.cli.compare import compare
from pellucid.cli.evaluate import evaluate
from pellucid.cli.examples import examples
from pellucid.cli.explain import explain
from pellucid.cli.export import export
from pellucid.cli.generate import generate
from pellucid.cli.get import get
from pellucid.cli.grade import grade
from pellucid.cli.hints import hinted
from pellucid.cli.learn import learn
from pellucid.cli.models import models
from pellucid.cli.plot import plot
from pellucid.cli.prepare import prepare
from pellucid.cli.prove import prove
from pellucid.cli.reach import reach
from pellucid.cli.reference import reference
from pellucid.cli.renamed import CurrentCommand
from pellucid.cli.score import score
from pellucid.cli.sentences import sentences
from pellucid.cli.serve import serve
from pellucid.cli.site import site
from pellucid.cli.tokenize import tokenize
from pellucid.cli.train import train
from pellucid.cli.train_classifier import train_classifier
from pellucid.cli.train_translator import train_translator
from pellucid.cli.translate import translate
from pellucid.cli.usage import UsageError, usage
from pellucid.cli.walk import walk
from pellucid.errors import PellucidError
from pellucid.shipped import SHOWN
from pellucid.terminal.readable import make_readable

_LIGHT = {
    "tokenize",
    "prepare",
    "examples",
    "export",
    "get",
    "models",
    "serve",
    "compare",
    "grade",
    "sentences",
    "score",
}
"""The commands that make no steps, see to their own memory, or go through it in small pieces."""


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (Typer's signature)
    """Print the version and end."""
    if wanted:
        from importlib.metadata import version as version_of

        typer.echo(f"pellucid {version_of('pellucid')}")
        raise typer.Exit


app = typer.Typer(
    name="pellucid",
    pretty_exceptions_enable=False,
    add_completion=False,
)
_COMMANDS = (
    learn,
    walk,
    grade,
    explain,
    prove,
    plot,
    reach,
    examples,
    tokenize,
    prepare,
    train,
    generate,
    chat,
    evaluate,
    train_classifier,
    classify,
    sentences,
    train_translator,
    translate,
    score,
    models,
    get,
    export,
    reference,
    compare,
    bench,
    serve,
    site,
)


def _keeping_memory(command: Callable[..., None]) -> Callable[..., None]:
    """The command, in a process that keeps the memory it has had."""

    @wraps(command)
    def kept(**options: Any) -> None:
        with _settled():
            from pellucid.train.memory import keep_memory

        keep_memory()
        command(**options)

    return kept


@contextmanager
def _settled() -> Iterator[None]:
    """Import what stays until the process ends, and have Python never search it for garbage.

    PyTorch is a million objects: looking through them again and again while they come, and once
    more at the end, took a third of a short command's time.
    """
    fresh = "torch" not in sys.modules  # else this is not a process of the command's own
    if fresh:
        gc.disable()
    yield
    if fresh:
        gc.freeze()
        gc.enable()


for command in _COMMANDS:
    told = hinted(command)
    app.command(cls=CurrentCommand)(told if command.__name__ in _LIGHT else _keeping_memory(told))


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """A transformer that you can see through."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), nl=False)
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; a mistake of the user's is one line and its error's exit code."""
    from pellucid.terminal.fetching import fetching
    from pellucid.terminal.screen import printing

    make_readable()
    SHOWN.set(fetching)
    try:
        with printing():
            code = app(prog_name="pellucid", standalone_mode=False)
    except PellucidError as error:
        _refuse(str(error), error.exit_code)
    except UsageError as error:
        _refuse(usage(error))
    except typer.Abort:
        raise SystemExit(1) from None
    if gc.get_freeze_count():
        gc.freeze()  # the process ends, and what it leaves need not be searched either
    raise SystemExit(code or 0)


def _refuse(message: str, code: int = 2) -> NoReturn:
    """Say in one line what a user can do better, and end."""
    from rich.console import Console

    Console(stderr=True).print("[bold red]pellucid:[/] ", end="")
    sys.stderr.write(f"{message}\n")
    raise SystemExit(code) from None


__all__ = ["app", "main"]
