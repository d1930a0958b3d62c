"""The answer to `why`: the arithmetic behind one number, with a link from every operand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from pellucid.documents.arithmetic import Writer, read_by, steps_of
from pellucid.documents.worded import WordedWriter
from pellucid.explain import Explanation, explain, place
from pellucid.numbers import Term, at
from pellucid.tape import Tape
from pellucid.walkthrough import Sentences, TermNames, describe, is_count
from pellucid.web.answers.json_values import Json, format_of
from pellucid.web.answers.proof import proved
from pellucid.web.session.fields import Fields
from pellucid.web.session.runs import ExperimentRun

OPEN, BETWEEN, CLOSE = "\ue000", "\ue001", "\ue002"
"""Around what is to be clicked: its number in the list of terms, then its text."""

_MARKED = re.compile(f"{OPEN}(\\d+){BETWEEN}(.*?){CLOSE}", re.DOTALL)

PYTHON = 20_000
"""Characters of Python at most; the arithmetic of a long sum is longer than anybody reads."""


@dataclass(frozen=True)
class Marked(WordedWriter):
    """Writes arithmetic in which each number that has a name is marked, to be clicked."""

    terms: list[Term] = field(default_factory=list)

    def operand(self, term: Term) -> str:
        """A number in arithmetic, marked where it can be explained further."""
        text = super().operand(term)
        return self._mark(term, text) if self._leads(term) else text

    def signed(self, text: str) -> bool:
        """Whether a text begins with a minus sign, behind its mark."""
        return bool(re.match(f"(?:{OPEN}\\d+{BETWEEN})?-", text))

    def _name(self, term: Term) -> str:
        name = self.name(term)
        return self._mark(term, name) if name and self._leads(term) else super()._name(term)

    def _leads(self, term: Term) -> bool:
        """Whether a term is on the tape, or has a line of its own."""
        if not term.operation:
            return term.source is not None
        return self.name(term) is not None and not is_count(term)

    def _mark(self, term: Term, text: str) -> str:
        self.terms.append(term)
        return f"{OPEN}{len(self.terms) - 1}{BETWEEN}{text}{CLOSE}"

    def pieces(self, text: str) -> Iterator[str | Json]:
        """The text in pieces: plain ones, and those that lead somewhere."""
        end = 0
        for found in _MARKED.finditer(text):
            if text[end : found.start()]:
                yield text[end : found.start()]
            term = self.terms[int(found[1])]
            step = self.name(term) if term.operation else None
            yield {"text": found[2], "source": term.source, "step": step}
            end = found.end()
        if text[end:]:
            yield text[end:]


def why(run: ExperimentRun, fields: Fields) -> Json:
    """A number, the call that made it, and the arithmetic in names and in figures."""
    tape = run.tape
    found = explain(tape, fields["name"])
    name = found.name.partition("[")[0]
    row, sentences = describe(name, tape), sentences_of(run)
    writer = Marked(called=TermNames(sentences, found))
    assert writer.called is not None
    python = "" if found.term is None else found.term.python(PYTHON)
    return {
        "sentence": sentences.of(found.name),
        "effect": sentences.effect(found.name),
        "label": writer.called.asked,
        "name": found.name,
        "origin": found.origin,
        "text": _written(run, found.name),
        "exact": repr(found.traced),
        "symbol": row.symbol if row else "",
        "meaning": row.meaning if row else "",
        "function": found.call.function.__name__ if found.call else "",
        "equation": found.equation,
        "steps": _steps(found, writer),
        "operands": [_operand(run, part, writer) for part in read_by(found, writer)],
        "facing": _facing(run, found.name),
        "proved": proved(run, found),
        "python": python or None,
    }


def sentences_of(run: ExperimentRun) -> Sentences:
    """What says of the run's numbers what they are."""
    if "sentences" not in run.notes:
        spell = run.piece if run.trace else None
        run.notes["sentences"] = Sentences(run.tape, run.walkthrough.labels, spell)
    found: Sentences = run.notes["sentences"]
    return found


def _steps(found: Explanation, writer: Marked) -> list[Json]:
    if found.term is None:
        return []
    return [
        {
            "name": writer.called.asked
            if writer.called and term is found.term
            else writer.name(term),
            "names": list(writer.pieces(writer.names(term))),
            "figures": list(writer.pieces(writer.figures(term))),
            "result": writer.figure(found.traced if term is found.term else term.value),
        }
        for term in steps_of(found.term, writer)
    ]


def _operand(run: ExperimentRun, term: Term, writer: Marked) -> Json:
    source = term.source
    note = sentences_of(run).short(source) if source else "a setting"
    return {
        "label": writer.name(term) or "",
        "source": source,
        "text": _written(run, source) if source else Writer().figure(term.value),
        "exact": repr(term.value),
        "note": note,
    }


def _facing(run: ExperimentRun, full: str) -> Json | None:
    """The gradient of a value, or the value of a gradient."""
    name, index = place(run.tape, full)
    other, kind = (f"d{name}", "gradient")
    if not _shaped(run.tape, other, name):
        other, kind = (name.removeprefix("d"), "value")
        if other == name or not _shaped(run.tape, other, name):
            return None
    facing = at(other, index)
    number = run.tape.value(other)[index].item()
    return {"name": facing, "text": _written(run, facing), "exact": repr(number), "kind": kind}


def _shaped(tape: Tape, other: str, name: str) -> bool:
    """Whether the tape has another value in the shape of this one."""
    return other in tape and tape.value(other).shape == tape.value(name).shape


def _written(run: ExperimentRun, full: str) -> str:
    """A number as its tensor's numbers are written."""
    name, index = place(run.tape, full)
    value = run.tape.value(name)
    number = value[index].item()
    if value.dtype == torch.bool or not value.is_floating_point():
        return Writer().figure(number)
    return format_of(run, name)(number)
