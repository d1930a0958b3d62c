"""What the tests of commands ask of them."""

from typer.models import CommandInfo


def name_of(command: CommandInfo) -> str:
    """What a command is called by: its function's name, with hyphens, as Typer writes it."""
    return command.callback.__name__.replace("_", "-")
