"""Where a command prints, and what it says of itself in what it writes."""

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from typer import Context

WIDTH = 100
"""Columns of what is printed to a file or a pipe, and at most to a terminal."""


def console() -> "Console":
    """The terminal, or what stands in for it, at most 100 columns wide."""
    from pellucid.terminal.screen import Screen

    screen = Screen(highlight=False)
    screen.width = min(screen.width, WIDTH) if screen.is_terminal else WIDTH
    return screen


def given_options(context: "Context") -> set[str]:
    """The names of the parameters that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def colophon(context: "Context") -> tuple[str, str]:
    """What made a document: the version, and the command as it was given, but for the file."""
    from importlib.metadata import version

    words = ["pellucid", str(context.info_name)]
    given = given_options(context) - {"out"}
    for option in context.command.params:
        if option.name not in given:
            continue
        value = context.params[option.name]
        if option.param_type_name == "argument":
            words.append(str(value))
        elif isinstance(value, bool):
            words.append((option.opts if value else option.secondary_opts)[0])
        else:
            for one in value if isinstance(value, list | tuple) else [value]:
                words += [option.opts[0], str(one)]
    return f"Pellucid {version('pellucid')}", shlex.join(words)
