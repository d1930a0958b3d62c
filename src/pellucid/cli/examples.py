"""`pellucid examples`: what can be walked without a model."""

from pellucid.cli.options import console


def examples() -> None:
    """List the worked examples, in the order in which they teach."""
    from pellucid.examples import EXAMPLES, find_example

    for name in EXAMPLES:
        example = find_example(name)
        console().print(f"[bold cyan]{name}[/]  {example.about}")
