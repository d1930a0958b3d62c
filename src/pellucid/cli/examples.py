"""`pellucid examples`: what can be walked without a model."""

from pellucid.cli.screen import console


def examples() -> None:
    """List the worked examples, in the order in which to read them."""
    from rich.table import Table
    from rich.text import Text

    from pellucid.examples import EXAMPLES, find_example

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name in EXAMPLES:
        table.add_row(Text(name, "bold cyan", no_wrap=True), Text(find_example(name).about))
    console().print(table)
