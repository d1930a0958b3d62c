"""The input: texts, worked examples, tables, and the part that is held out."""

from typer import Argument, Option

from pellucid.errors import ConfigError, TextError

TEXT_OR_EXAMPLE = Argument(
    show_default="ai_rocks",
    help="The name of a worked example; or a text, with --model or of several words.",
)
TABLE = Argument(help="A CSV file with column names in its first line.")

SEPARATOR = Option(
    "--separator",
    metavar="CHARACTER",
    help="What stands between the cells of a line: one character, such as ; or |, or tab.",
)

LABEL = Option("--label", metavar="COLUMN", help="The column that holds the classes.")
HELD_OUT = Option(
    "--held-out", help="The share of the data that is held out from training, for evaluation."
)
VALID = Option(
    "--valid",
    metavar="FILE",
    help="Evaluate on this file instead of a held-out share. Repeatable.",
)


def separator_of(name: str) -> str:
    """The character that a user names; `ConfigError` where none can stand between two cells."""
    character = {"tab": "\t", "\\t": "\t"}.get(name, name)
    if len(character) != 1 or character in '"\r\n':
        raise ConfigError(
            f"--separator must be one character, such as ; or |, or the word tab, not {name!r}"
        )
    return character


def not_empty(text: str | None) -> str:
    """The text; `TextError` where there is none."""
    if not text:
        raise TextError("a text must have at least one character: write one in quotes")
    return text
