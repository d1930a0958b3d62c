"""Handouts that several tests look at, each made once."""

from functools import cache

from pellucid.examples import Example, find_example
from pellucid.handouts import AnswerSheet, Sheet, make_sheet


@cache
def sheet_of(name: str, seed: int = 0, steps: tuple[int, ...] = ()) -> Sheet:
    """The handout of a worked example in a version; of all steps where none are named."""
    example = find_example(name)
    chosen = set(steps) or None
    if not isinstance(example, Example):
        return make_sheet(example.walkthrough(), digits=4, steps=chosen, seed=seed)
    walkthrough = example.walkthrough(example.update)
    return make_sheet(
        walkthrough, digits=4, steps=chosen, seed=seed, example=example, update=example.update
    )


def answer_sheet(name: str, seed: int = 0) -> AnswerSheet:
    """What a class is graded by."""
    return AnswerSheet(name, seed, sheet_of(name, seed).blanks)
