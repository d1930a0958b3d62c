"""The input: texts, worked examples, tables, and the part that is held out."""

from typer import Argument, Option

from pellucid.errors import TextError

TEXT_OR_EXAMPLE = Argument(
    show_default="ai_rocks", help="The name of a worked example; with --model, a text."
)
TABLE = Argument(help="A CSV file with column names in its first line.")

LABEL = Option("--label", metavar="COLUMN", help="The column that holds the classes.")
HELD_OUT = Option(
    "--held-out", help="The share of the data that is held out from training, for evaluation."
)
VALID = Option(
    "--valid",
    metavar="FILE",
    help="Evaluate on this file instead of a held-out share. Repeatable.",
)


def not_empty(text: str | None) -> str:
    """The text; `TextError` where there is none."""
    if not text:
        raise TextError("a text must have at least one character: write one in quotes")
    return text
