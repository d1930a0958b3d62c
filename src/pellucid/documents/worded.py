"""Arithmetic for readers: tokens for indices, and no names that only the code has."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pellucid.documents.arithmetic import CHOSEN, Writer, steps_of
from pellucid.explain import operands, shown
from pellucid.numbers import Term
from pellucid.walkthrough import TermNames, is_count

Halves = tuple[tuple[Term, ...], tuple[Term, ...]]
"""The operands that are written out, and the rest."""


@dataclass(frozen=True)
class WordedWriter(Writer):
    """Writes what the code notes on the way into the formula of what is asked for."""

    called: TermNames | None = None
    _known: dict[int, tuple[Term, Halves]] = field(default_factory=dict, compare=False)

    def name(self, term: Term) -> str | None:
        """What a reader calls a term; None for one that is written out."""
        return self.called.of(term) if self.called else term.label

    def whole(self, term: Term) -> bool:
        """Whether a term stands under its name or as a figure."""
        return not term.operation or self.name(term) is not None

    def parts(self, term: Term) -> Iterator[Term]:
        """The terms that stand in its arithmetic under a name; how a count is made is not told."""
        return (part for part in super().parts(term) if not is_count(part))

    def split(self, term: Term) -> Halves:
        """The operands, of a long sum the largest first and none that is 0; and the rest."""
        if id(term) not in self._known:  # of a sum over a vocabulary it is looked for once
            self._known[id(term)] = term, self._halves(term)
        return self._known[id(term)][1]

    def _halves(self, term: Term) -> Halves:
        if term.operation in CHOSEN:
            return term.operands[:1], ()
        parts, rest = shown(term, self.most)
        if term.operation != "sum" or not rest:
            return parts, rest
        told = sorted((part for part in parts if part.value), key=lambda part: -abs(part.value))
        return tuple(told), (*(part for part in parts if not part.value), *rest)

    def reads(self, term: Term) -> list[Term]:
        """What stands in the arithmetic, each number once; then the tokens that it depends on."""
        steps = steps_of(term, self)
        told = (part for step in steps for part in self._leaves(step) if part.label)
        tokens = (part for part in operands(term, self.most) if isinstance(part.value, int))
        return list({part.source or part.label: part for part in (*told, *tokens)}.values())

    def seen(self, term: Term) -> Term:
        """The term itself; of one that was chosen, what was, and not by what."""
        while term.operation in CHOSEN and not self.whole(term):
            term = term.operands[0]
        return term

    def together(self, count: int, figure: str) -> str:
        """What is said of the rest of a long sum."""
        return f"[… and {count} more, together {figure}]"

    def operand(self, term: Term) -> str:
        """A number that stands in arithmetic; a condition counts as 1 or 0."""
        return f"{int(term.value)}" if is_count(term) else super().operand(term)

    def _leaves(self, term: Term) -> Iterator[Term]:
        for part in map(self.seen, self.split(term)[0] if term.operation else ()):
            if not part.operation:
                yield part
            elif not self.whole(part):
                yield from self._leaves(part)

    def _text(self, term: Term, atom: Callable[[Term], str]) -> str:
        if term.operation in CHOSEN:
            chosen = self.seen(term.operands[0])
            return atom(chosen) if self.whole(chosen) else self._text(chosen, atom)
        return super()._text(term, atom)

    def _name(self, term: Term) -> str:
        return self.name(term) or self.operand(term)
