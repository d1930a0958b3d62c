"""The command line: a file a command, which reads its options, calls the package, and prints.

The commands import what they call inside, so that `--help` does not wait for PyTorch.
"""

import sys

import typer
from rich.console import Console

from pellucid.cli.examples import examples
from pellucid.cli.export import export
from pellucid.cli.generate import generate
from pellucid.cli.tokenize import tokenize
from pellucid.cli.train import train
from pellucid.cli.walk import walk
from pellucid.errors import PellucidError

app = typer.Typer(
    name="pellucid",
    help="A transformer that you can see through.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (walk, examples, tokenize, train, generate, export):
    app.command()(command)


def main() -> None:
    """Run the command line; a mistake of the user's is one line and exit code 2."""
    try:
        app()
    except PellucidError as error:
        message = " ".join(str(error).split())
        Console(stderr=True).print("[bold red]pellucid:[/] ", end="")
        sys.stderr.write(f"{message}\n")
        raise SystemExit(2) from None


__all__ = ["app", "main"]
