"""`pellucid examples`: what can be walked without a model."""

from pellucid.cli.screen import console


def examples() -> None:
    """List the worked examples, in the order in which to read them."""
    from rich.text import Text

    from pellucid.examples import EXAMPLES, find_example
    from pellucid.terminal.lines import columns

    table = columns("", "")
    for name in EXAMPLES:
        table.add_row(Text(name, "bold cyan"), Text(find_example(name).about))
    console().print(table)
