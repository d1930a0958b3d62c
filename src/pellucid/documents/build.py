"""From a lesson to a document: what is shown, under which name, and where.

Texts of foreign files and of the user (names, labels, tokens, the command) are made visible here:
no format gets a control character.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from pellucid.documents.arithmetic import Writer, arithmetic_of
from pellucid.documents.links import Link, Links, Origins, origins_of
from pellucid.documents.model import Arithmetic, Document, DocumentPart, DocumentStep, Stamp
from pellucid.documents.numbers import DIGITS
from pellucid.documents.recipe import Reproduction
from pellucid.documents.values import PRINTED, Value
from pellucid.tape import Tape, select
from pellucid.tape.select import picked
from pellucid.visible import visible
from pellucid.walkthrough import Labels, Part, Step, Walkthrough, describe


def document(
    walkthrough: Walkthrough,
    *,
    digits: int = DIGITS,
    arithmetic: Arithmetic | None = None,
    origin: Origins | None = None,
    notes: Sequence[str] = (),
    colophon: Sequence[str] = (),
    recipe: Reproduction | None = None,
    stamp: Stamp | None = None,
    true: Mapping[str, str] | None = None,
    exact: Callable[[str], float] | None = None,
) -> Document:
    """The document of a lesson, numbers with so many decimals.

    `arithmetic` writes out a number's own, and `origin` says how a value was made; both by default
    from the code that ran, when they are asked for. `true` gives the digits of numbers that floats
    print wrong, and `exact` the numbers of the exact run where these are by hand, by their names.
    """
    tape = walkthrough.tape
    builder = _Builder(walkthrough, digits, true or {})
    parts = [builder.part(place, part) for place, part in enumerate(walkthrough.parts, start=1)]
    return Document(
        visible(walkthrough.title),
        visible(walkthrough.about, keep="\n"),
        tuple(parts),
        arithmetic or arithmetic_of(tape, Writer(digits)),
        Links(origin or origins_of(tape), builder.links),
        any(name.startswith("d") and name[1:] in tape for name in tape),
        tuple(map(visible, notes)),
        tuple(map(visible, colophon)),
        recipe=recipe,
        stamp=stamp and Stamp(*map(visible, stamp)),
        exact=exact,
    )


def value(walkthrough: Walkthrough, expression: str, digits: int = DIGITS) -> Value:
    """One value of a lesson, or with `[0,5]` behind the name a part of it.

    Raises `TraceError` for a name that is not on the tape or an index outside its shape.
    """
    tensor = select(walkthrough.tape, expression)
    name = expression.partition("[")[0].strip()
    part = picked(expression, walkthrough.tape[name].shape)
    labels = walkthrough.labels(name)
    row = describe(name, walkthrough.tape)
    return Value(
        expression,
        tensor,
        row.symbol if row else "",
        row.meaning if row else "",
        _is_gradient(walkthrough.tape, name),
        labels=tuple(
            axis and tuple(axis[place] for place in places)
            for axis, places in zip(_visible(labels), part, strict=False)
            if isinstance(places, range)
        ),
        digits=digits,
        part=part,
    )


def _visible(labels: Sequence[Labels]) -> Sequence[Labels]:
    return [axis if axis is None else tuple(map(visible, axis)) for axis in labels]


def _is_gradient(tape: Tape, name: str) -> bool:
    """Whether the name is that of a gradient, and not of a value that begins with a d."""
    return name.startswith("d") and (name[1:] in tape or describe(name[1:]) is not None)


class _Builder:
    """Builds parts in order, and knows what has been shown."""

    def __init__(self, source: Walkthrough, digits: int, true: Mapping[str, str]) -> None:
        self.links: dict[str, Link] = {}  # by the name that the tape has first for a value
        self._walkthrough = source
        self._digits = digits
        self._true = true
        self._shown: dict[int, str] = {}
        self._anchors: set[str] = set()
        self._done: dict[tuple[int | None, str], str] = {}

    def part(self, place: int, part: Part) -> DocumentPart:
        steps = [
            self._step(f"step-{place}-{number}", step)
            for number, step in enumerate(part.steps, start=1)
        ]
        # A later part's step of the same number and title undoes the first one.
        for step in steps:
            if step.title and not step.undoes:
                self._done.setdefault((step.number, step.title), step.anchor)
        return DocumentPart(f"part-{place}", visible(part.heading), tuple(steps))

    def _step(self, anchor: str, step: Step) -> DocumentStep:
        return DocumentStep(
            anchor,
            visible(step.title),
            step.number,
            "" if step.layer is None else f"h.{step.layer}",
            step.formulas,
            tuple(self._values(step.names)),
            tuple(map(visible, step.lines)),
            visible(step.says, keep="\n"),
            step.spelt,
            self._done.get((step.number, visible(step.title)), ""),
            bool(step.kind),
        )

    def _values(self, names: Sequence[str]) -> Iterator[Value]:
        tape = self._walkthrough.tape
        for name in names:
            if name not in tape and not name.endswith(".x"):
                continue
            tensor = tape.value(name)
            known = self._shown.setdefault(id(tensor), name)
            anchor = "" if name in self._anchors else name
            self._anchors.add(name)
            row = describe(name, tape)
            if known == name and anchor:
                self.links[tape.name_of(tensor) or name] = Link(name, anchor)
            yield Value(
                name,
                tensor,
                row.symbol if row else "",
                row.meaning if row else "",
                _is_gradient(tape, name),
                "" if known == name else known,
                anchor,
                _visible(self._walkthrough.labels(name)) if tensor.numel() <= PRINTED else (),
                self._digits,
                true=self._true,
            )
