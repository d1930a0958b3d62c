"""An explanation as text: a number's arithmetic in names, then in figures, then what it reads.

The names in it are the code's own variables; each number that came off the tape is listed below
under its full name and a number of its own, by which it can be explained in its turn.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch

from pellucid.documents.numbers import DIGITS, Format
from pellucid.explain import Explanation, explain, operands, shown
from pellucid.layers import IGNORE
from pellucid.numbers import OPERATIONS, Term
from pellucid.tape import Tape, select
from pellucid.walkthrough import PARAMETERS, describe

MOST = 6
"""How many terms of a long sum are written out."""

STEPS = 24
"""At most so many of the code's own intermediate values are written out below the formula."""

CHOSEN = {"at": "chosen by {1}", "if": "as {1}", "unless": "as not {1}"}
"""By what one of two values was chosen, by the operation."""

Explained = Callable[[str], Explanation]
"""What explains a number by its name with index."""

Meaning = Callable[[str], str]
"""What is said of a number beside its value, by its name with index: "a parameter"."""


@dataclass(frozen=True)
class Writer:
    """How numbers are written: digits, and how many terms of a long sum; of all, None."""

    digits: int = DIGITS
    most: int | None = MOST
    steps: int | None = STEPS

    def number(self, found: Explanation) -> str:
        """The number that is explained."""
        return self.figure(found.traced)

    def check(self, found: Explanation, term: Term) -> str:
        """What is said of the number below its arithmetic."""
        text = f"evaluates to {term.value!r}, traced {found.traced!r}"
        if math.isfinite(term.value) and not math.isfinite(found.traced):
            return f"{text}: on the way the run left the range of its floats"
        return text

    def operand(self, term: Term) -> str:
        """A number that stands in arithmetic."""
        return self.figure(term.value)

    def figure(self, value: float) -> str:
        """A number as a figure."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        return _figure(value, self.digits)

    def names(self, term: Term) -> str:
        """A term's own arithmetic in the code's names."""
        return self._text(term, self._name)

    def figures(self, term: Term) -> str:
        """The same with the numbers filled in."""
        return self._text(term, self.operand)

    def together(self, count: int, figure: str) -> str:
        """What is said of the rest of a long sum, in one figure."""
        return f"[{count} more, together {figure}]"

    def signed(self, text: str) -> bool:
        """Whether a text begins with a minus sign, and wants brackets behind another operation."""
        return text.startswith("-")

    def parts(self, term: Term) -> Iterator[Term]:
        """The terms that stand in its arithmetic under a name."""
        for part in map(self.seen, self.split(term)[0]):
            if self.whole(part):
                yield part
            else:
                yield from self.parts(part)

    def split(self, term: Term) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
        """The operands that stand in a term's own arithmetic, and the rest of a long sum or row."""
        return shown(term, self.most)

    def reads(self, term: Term) -> list[Term]:
        """What a term was made from, each number once."""
        return operands(term, self.most)

    def whole(self, term: Term) -> bool:
        """Whether a term stands in arithmetic under its name or as a figure, not written out."""
        return bool(term.label) or not term.operation

    def _name(self, term: Term) -> str:
        return term.label or self.operand(term)

    def _part(
        self, term: Term, atom: Callable[[Term], str], binds: int, *, first: bool = False
    ) -> str:
        """An operand's text, in brackets where its own operation binds less firmly."""
        term = self.seen(term)
        whole = self.whole(term)
        text = atom(term) if whole else self._text(term, atom)
        loose = not whole and OPERATIONS[term.operation].binds < binds
        signed = self.signed(text) and binds > 0 and not first
        return f"({text})" if loose or signed else text

    def _text(self, term: Term, atom: Callable[[Term], str]) -> str:
        if not term.operation:
            return atom(term)
        operation = OPERATIONS[term.operation]
        if term.operation in {"sum", "max"}:
            return self._many(term, atom)
        left, *others = term.operands
        parts = [self._part(left, atom, operation.inner)]
        if others and operation.binds in {1, 2}:
            # On the left neither a sign nor what binds alike needs brackets: a - b - c, -a · b / c.
            parts = [self._part(left, atom, operation.binds, first=True)]
        parts += [self._part(part, atom, max(operation.inner, 1)) for part in others]
        text = operation.text.format(*parts)
        if term.operation in CHOSEN and atom == self._name:
            return f"{text}, {CHOSEN[term.operation].format(*parts)}"
        return text

    def seen(self, term: Term) -> Term:
        """The term that stands in arithmetic for an operand."""
        return term

    def _many(self, term: Term, atom: Callable[[Term], str]) -> str:
        """A sum, or the largest of a row; of a long one the largest, and the rest in one figure."""
        parts, rest = self.split(term)
        if term.operation == "max":
            texts = [self._part(part, atom, 0) for part in parts]
            if rest:
                return f"max({texts[0]}, and {len(rest)} that are smaller)"
            return f"max({', '.join(texts)})"
        texts = [self._part(part, atom, 1, first=place == 0) for place, part in enumerate(parts)]
        texts = ["1" if text == "true" else "0" if text == "false" else text for text in texts]
        if rest:
            together = self.figure(sum(part.value for part in rest))
            texts.append(self.together(len(rest), together))
        return " + ".join(texts)


@lru_cache(maxsize=1 << 16)
def _figure(value: float, digits: int) -> str:
    """A number as a figure; the same ones come again and again in a tensor's arithmetic."""
    return Format(torch.tensor([value], dtype=torch.float64), digits)(value)


def explanation_lines(
    explained: Explained,
    found: Explanation,
    writer: Writer,
    meaning: Meaning,
    *,
    depth: int = 1,
    number: str = "",
    tape: Tape | None = None,
    sentence: str = "",
) -> Iterator[str]:
    """The lines of an explanation, those of its operands below it as deep as is asked.

    What a name means is told for the layers on the `tape`; `sentence` says in words what the number
    is, and stands above its name.
    """
    alias = "" if found.origin == found.name else f", which is {found.origin}"
    row = describe(found.name.partition("[")[0], tape)
    said = meaning(found.origin) or (row.meaning if row else "")
    if sentence:
        yield sentence
        yield ""
    yield f"{found.name} = {writer.number(found)}{alias}{f'   ({said})' if said else ''}"
    if found.not_finite:
        yield f"  {found.not_finite}"
    if found.term is None or found.call is None:
        made = "given: no call on the tape made it"
        if found.call is not None:
            made = f"{found.call.function.__name__} makes it, the same whatever the numbers are"
        yield f"  {made}"
        return
    function = found.call.function
    yield f"  {function.__name__}: {found.equation}"
    for step in steps_of(found.term, writer):
        name = found.name if step is found.term else step.label or ""
        yield ""
        yield f"  {name}"
        yield f"    = {writer.names(step)}"
        figures = writer.figures(step)
        result = writer.number(found) if step is found.term else writer.operand(step)
        yield f"    = {figures}"
        if figures != result:
            yield f"    = {result}"
    yield ""
    yield f"  {writer.check(found, found.term)}"
    read = read_by(found, writer)
    if read:
        yield "  made from"
    width = max((len(part.label or "") for part in read), default=0)
    for count, part in enumerate(read, start=1):
        source = f"   {part.source}" if part.source and part.source != part.label else ""
        note = meaning(part.source) if part.source else "a setting"
        yield (
            f"  {f'{number}{count}':>4}  {part.label or '':<{width}} = "
            f"{writer.operand(part)}{source}{f'   ({note})' if note else ''}"
        )
    if depth > 1:
        for count, part in enumerate(read, start=1):
            below = explained(part.source) if part.source else None
            if below is None or below.term is None:
                continue
            yield ""
            deeper = explanation_lines(
                explained,
                below,
                writer,
                meaning,
                depth=depth - 1,
                number=f"{number}{count}.",
                tape=tape,
            )
            first, *others = deeper
            yield f"{number}{count}  {first}"
            yield from others


def arithmetic_of(tape: Tape, writer: Writer) -> Callable[[str], tuple[str, ...]]:
    """The arithmetic of a number by its name with index, a line each, in names and in figures.

    The first line is the number's own; those below it are the code's values on the way to it.
    """
    meaning = meaning_of(tape)

    def lines(name: str) -> tuple[str, ...]:
        found = explain(tape, name)
        if found.term is None:
            return (meaning(found.origin) or "the same whatever the numbers are",)
        return tuple(_line(step, writer, found) for step in steps_of(found.term, writer))

    return lines


def _line(step: Term, writer: Writer, found: Explanation) -> str:
    name = found.name if step is found.term else step.label or ""
    texts = [name, writer.names(step), writer.figures(step), writer.figure(step.value)]
    return " = ".join(dict.fromkeys(texts))


def meaning_of(tape: Tape, piece: Callable[[int], str] | None = None) -> Meaning:
    """What is said of the numbers that no call made; `piece` spells a token."""

    def meaning(source: str) -> str:
        name = source.partition("[")[0]
        last = name.rsplit(".", 1)[-1]
        if tape.made_by(name) is not None:
            return ""
        if last in {"tokens", "targets"}:
            token = int(select(tape, source))
            if token == IGNORE:
                return "no target"
            return "a token" if piece is None else f"token '{piece(token)}'"
        if f".{last}" in PARAMETERS:
            return "a parameter of the model"
        return "before this step" if last.endswith("_before") else "given"

    return meaning


def read_by(found: Explanation, writer: Writer) -> list[Term]:
    """What an explanation lists as made from, in the order of its numbers."""
    return [] if found.term is None else writer.reads(found.term)


def steps_of(term: Term, writer: Writer) -> Iterator[Term]:
    """The term, and the code's intermediate values that its arithmetic names, each once."""
    seen = {id(term)}
    waiting = deque([term])
    while waiting and (writer.steps is None or len(seen) - len(waiting) < writer.steps):
        current = waiting.popleft()
        yield current
        for part in writer.parts(current):
            if part.operation and id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)
