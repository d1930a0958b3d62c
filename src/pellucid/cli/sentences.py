"""`pellucid sentences`: German sentences with their English, made by the grammar."""

from typing import Annotated

from typer import Argument, Option, echo

from pellucid.cli.options import variant
from pellucid.cli.options.sampling import SEED, seed_of


def sentences(
    count: Annotated[int, Argument(min=1, help="How many sentences.")] = 10,
    seed: Annotated[int, variant(SEED, "for the choice of sentences.")] = 0,
    held_out: Annotated[
        bool,
        Option("--held-out", help="Sentences with a combination of words that no other has."),
    ] = False,
    rule: Annotated[
        str | None, Option(help="Only sentences of one rule, such as negation or clock.")
    ] = None,
    every_rule: Annotated[
        bool, Option("--rules", help="Instead, one sentence of each rule, after its name.")
    ] = False,
) -> None:
    """Print German sentences and their English, a tab between: pairs for train-translator."""
    from pellucid.grammar import rules
    from pellucid.grammar import sentences as made

    if every_rule:
        for name in sorted(rules()):
            (one,) = made(1, seed_of(seed), held_out=held_out, rule=name)
            echo(f"{name}\t{one.german}\t{one.english}")
        return
    for one in made(count, seed_of(seed), held_out=held_out, rule=rule):
        echo(f"{one.german}\t{one.english}")
