"""The words of a walk: what each step is for, and what to look at in it, filled in from the run."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pellucid.tape import Tape
from pellucid.walkthrough.sights import Scene, seen_in
from pellucid.walkthrough.sights.scene import Spelling
from pellucid.walkthrough.walkthrough import Labels, Part, Step
from pellucid.words import ENGLISH, phrasebook


def told(
    parts: Iterable[Part],
    tape: Tape,
    labels: Callable[[str], Sequence[Labels]],
    spell: Spelling | None = None,
    *,
    beside: Mapping[str, str] | None = None,
    language: str = ENGLISH,
) -> tuple[Part, ...]:
    """The parts, each step that has a kind with its words.

    Of a kind that comes again, as in every block, less is said. What a step says already stays,
    behind its words. `spell` says a token of the vocabulary; what is `beside` the tape, each step
    is told as placeholders.
    """
    met: set[str] = set()
    book = phrasebook(language)

    def steps(part: Part) -> Iterator[Step]:
        for step in part.steps:
            if not (part.way and step.kind):
                yield step
                continue
            key = f"{step.kind}.{part.way}"
            scene = Scene(step, tape, labels, spell, beside or {})
            words = book.said(
                f"{key}.{'again' if key in met else 'first'}",
                seen_in(scene, key),
            )
            met.add(key)
            yield step._replace(says=" ".join(filter(None, (words, step.says))))

    return tuple(part._replace(steps=tuple(steps(part))) for part in parts)
