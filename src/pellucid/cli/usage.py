"""Mistakes in the command itself, that Typer finds, in one line as all others."""

import re
from typing import cast

import typer

from pellucid.errors import did_you_mean

UsageError = cast(type[Exception], typer.BadParameter.__mro__[1])
"""What Typer raises for an option that is not known, a value that does not fit, a missing word."""

_CHOICE = re.compile(r"'(?P<given>[^']*)' is not one of (?P<known>.*?)\.?$", re.DOTALL)


def usage(error: Exception) -> str:
    """What is wrong with a command, what is near it, and where to look."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "pellucid"
    said = getattr(error, "format_message", error.__str__)().rstrip(".")
    said = said.replace("Value error, ", "").replace("Possible options: ", "did you mean ")
    if choice := _CHOICE.search(said):
        said += did_you_mean(choice["given"], re.findall(r"'([^']*)'", choice["known"]))
    return f"{said[:1].lower()}{said[1:]}: see {path} --help"
