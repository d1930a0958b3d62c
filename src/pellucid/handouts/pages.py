"""A handout and its key as documents, which every format writes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pellucid.documents.build import value
from pellucid.documents.links import Links
from pellucid.documents.model import (
    Answer,
    BlankLine,
    Document,
    DocumentPart,
    DocumentStep,
    SheetHead,
)
from pellucid.documents.values import Value
from pellucid.explain import explain
from pellucid.handouts.sheet import OWN, Blank, Question, Sheet
from pellucid.lessons.words import said, text
from pellucid.visible import visible

NO_LINKS = Links(lambda _: None, {})


def pages(sheet: Sheet, colophon: Sequence[str] = ()) -> Document:
    """The handout, without its answers."""
    steps = tuple(_step(sheet, place, one) for place, one in enumerate(sheet.questions, start=1))
    points = said("handout.points", count=len(sheet.blanks))
    return Document(
        _title(sheet),
        sheet.note,
        (DocumentPart("questions", "", steps),),
        lambda _: ("given",),
        NO_LINKS,
        colophon=tuple(map(visible, colophon)),
        head=SheetHead((text("handout.name"), text("handout.date"), points), rule(sheet)),
    )


def key(sheet: Sheet, colophon: Sequence[str] = ()) -> Document:
    """The key of a handout: each blank's answer, and its arithmetic."""
    lines = {
        blank.number: line
        for question in sheet.questions
        for blank, line in zip(question.blanks, question.asked.work.lines, strict=True)
    }
    return key_of(
        _title(sheet),
        sheet.note,
        [
            Answer(blank.number, (blank.label,), blank.exercise.answer, lines[blank.number].figures)
            for blank in sheet.blanks
        ],
        colophon,
    )


def key_of(
    title: str, about: str, answers: Sequence[Answer], colophon: Sequence[str] = ()
) -> Document:
    """A document of answers alone."""
    return Document(
        said("handout.key", title=title),
        about,
        (),
        lambda _: ("given",),
        NO_LINKS,
        colophon=tuple(map(visible, colophon)),
        answers=tuple(answers),
    )


def rule(sheet: Sheet) -> str:
    """How answers are rounded."""
    return said("handout.rule", decimals=sheet.decimals)


def given(sheet: Sheet, question: Question) -> Iterator[Value]:
    """The values that a question's lines read, each under the name that the lines have for it."""
    asked = question.asked
    printed = replace(sheet.walkthrough, tape=asked.tape)
    local = {operand.name: operand.local for operand in asked.work.reads}
    for part in asked.work.exercise.given:
        name = part.partition("[")[0]
        if name in local:
            told = local[name] in {name, name.rpartition(".")[2]}
            shown = part if told else f"{local[name]} = {part}"
            yield replace(value(printed, part, sheet.digits), name=shown, meaning="", symbol="")


def settings(question: Question) -> str:
    """The settings in a question's formulas, such as a learning rate."""
    named = {operand.local for operand in question.asked.work.reads if not operand.name}
    found = question.asked.work.exercise.settings
    told = ", ".join(f"{name} = {figure}" for name, figure in found.items() if name in named)
    return said("handout.settings", settings=told) if told else ""


def lines_of(sheet: Sheet, question: Question) -> tuple[BlankLine, ...]:
    """The lines of a question to fill in."""
    return tuple(
        BlankLine(blank.number, line.label, line.formula, asked_for(sheet, blank))
        for blank, line in zip(question.blanks, question.asked.work.lines, strict=True)
    )


def asked_for(sheet: Sheet, blank: Blank) -> str:
    """How an answer is written, where that is not as the rule has it."""
    decimals = blank.exercise.decimals
    return "" if decimals == sheet.decimals else said("handout.decimals", decimals=decimals)


def equation(question: Question) -> str:
    """The equation of what is asked for, in the layer's own words; empty where it has none."""
    text = explain(question.asked.tape, question.asked.work.exercise.value).equation
    return text if " = " in text else ""


def heading_of(question: Question) -> str:
    """What a question is about: the step, and what is asked for."""
    shown = question.asked.shown
    return visible(shown.title or shown.part)


def _title(sheet: Sheet) -> str:
    title = visible(sheet.walkthrough.title)
    if sheet.version == OWN:
        return title
    return f"{title}, {said('handout.version', version=sheet.version).lower()}"


def _step(sheet: Sheet, place: int, question: Question) -> DocumentStep:
    written = equation(question)
    what = f"{heading_of(question)}: {question.blanks[-1].label}"
    shown = question.asked.shown
    number = "" if shown.step is None else f"{shown.step}  "
    return DocumentStep(
        f"question-{place}",
        number + what,
        formulas=(written,) if written else (),
        values=tuple(given(sheet, question)),
        says=settings(question),
        work=lines_of(sheet, question),
    )
