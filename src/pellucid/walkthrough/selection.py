"""Parts of a walk: the short form, read in five minutes, and the steps that are asked for."""

from collections.abc import Callable, Collection, Iterator, Set
from dataclasses import replace
from itertools import groupby

from pellucid.errors import ConfigError
from pellucid.walkthrough.walkthrough import Part, Step, Walkthrough
from pellucid.words import phrasebook

WAYS = ("forward", "backward", "update")
"""The parts of a step that may be asked for."""

BLOCK = "block"
"""The kind of step that stands for a block that is not shown in full."""


def brief(walkthrough: Walkthrough) -> Walkthrough:
    """The walk in short: the words of each step, and of its values those that matter.

    Which do, their layers say (`Meaning.matters`). Of the way back, only steps that have such a
    value are left. Parts that belong to no step of a model, and what has no kind, stay as they are.
    """
    return _of_parts(
        walkthrough,
        lambda part: part._replace(steps=tuple(_brief(part))) if part.way else part,
    )


def chosen(
    walkthrough: Walkthrough, numbers: Set[int] | None, ways: Collection[str]
) -> Walkthrough:
    """The walk with the steps of these numbers alone, and the parts of these ways; all for none.

    The update is a step without a number: it stays where no numbers are asked for. Raises
    `ConfigError` for a number or a way that there is not.
    """
    there = {step.number for part in walkthrough.parts for step in part.steps if step.number}
    if numbers is not None and (not numbers or not numbers <= there):
        raise ConfigError(
            f"this walk has the steps {min(there, default=0)} to {max(there, default=0)}, and not "
            f"{', '.join(map(str, sorted(numbers - there)[:3])) or 'none'}: ask for these"
        )
    for way in ways:
        if all(part.way != way for part in walkthrough.parts):
            raise ConfigError(f"this walk has no {way} part: leave out --{way}")

    def kept(part: Part) -> Part:
        if ways and part.way not in ways:
            return part._replace(steps=())
        steps = part.steps if numbers is None else [s for s in part.steps if s.number in numbers]
        return part._replace(steps=tuple(steps))

    return _of_parts(walkthrough, kept)


def _of_parts(walkthrough: Walkthrough, change: Callable[[Part], Part]) -> Walkthrough:
    """The walk with each part changed so, in another run of it too; without empty parts."""
    again = walkthrough.again
    return replace(
        walkthrough,
        parts=tuple(part for part in map(change, walkthrough.parts) if part.steps),
        again=None if again is None else lambda tape: _of_parts(again(tape), change),
    )


def _brief(part: Part) -> Iterator[Step]:
    words = phrasebook()
    for kind, group in groupby(part.steps, lambda step: step.kind):
        steps = list(group)
        if kind == BLOCK and part.way == "backward":
            continue
        if kind == BLOCK:
            blocks = sorted(int(step.names[0].split(".")[1]) for step in steps)
            figures = {"first": f"{blocks[0]}", "last": f"{blocks[-1]}"}
            key = "brief.blocks" if len(blocks) > 1 else "brief.block"
            yield Step("", says=words.said(key, figures))
        elif part.way == "update":
            yield from (step._replace(names=(), formulas=step.rules) for step in steps)
        elif part.way == "forward":
            yield from map(_shortened, steps)
        else:
            yield from (_shortened(step) for step in steps if step.matter)
    if part.way == "backward":
        yield Step("", says=words.said("brief.between", {}))


def _shortened(step: Step) -> Step:
    """A step with what matters of it, or what it spells out; one that has no kind as it is."""
    if not step.kind:
        return step
    return step._replace(names=step.names if step.spelt else step.matter, formulas=step.rules)
