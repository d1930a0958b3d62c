"""`pellucid examples`: what can be walked without a model."""

from pellucid.cli.options import console


def examples() -> None:
    """List the worked examples."""
    from pellucid.examples import example_names, load_example

    for name in example_names():
        example = load_example(name)
        console().print(f"[bold cyan]{name}[/]  {example.about}")
