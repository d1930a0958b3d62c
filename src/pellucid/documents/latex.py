r"""A document as a LaTeX article, which pdflatex, lualatex and xelatex typeset as it is."""

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from itertools import chain

from pellucid.documents.formulas.latex import GREEK, SIGNS, SPECIAL, latex, maths
from pellucid.documents.formulas.read import formula
from pellucid.documents.formulas.tree import HAT, in_words, pieces, plain
from pellucid.documents.links import Link
from pellucid.documents.model import (
    Answer,
    BlankLine,
    Document,
    DocumentRow,
    DocumentStep,
    Section,
    SheetHead,
    Stamp,
)
from pellucid.documents.paper import groups, ways
from pellucid.documents.values import Cell, Value, ValueTable

ROOM = 116
"""Characters that a row of a table has on the page, in the size of its numbers."""

GAP = 1.8
"""The space between two columns, in characters."""

LINE = 120
"""Characters of a line in columns; longer ones are broken."""

TINT = 50
"""How much colour the largest number of a tensor has behind it, in percent."""

T1 = "ĂăĄąĆćČčĎďĐđĘęĚěĞğĹĺĽľŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŤťŢţŮůŰűŸŹźŻżŽž–—‘’“”„"
"""What the usual fonts of LaTeX have beyond Latin-1."""

MATHEMATICAL = {sign: command for sign, command in SIGNS.items() if sign != "Σ"} | {
    sign: rf"\{name}" for sign, name in GREEK.items()
}
MATHEMATICAL |= {"√": r"\surd", "∞": r"\infty", "−": "-", "Σ": r"\Sigma", "∈": r"\in"}

WRITTEN = SPECIAL | {sign: rf"\ensuremath{{{MATHEMATICAL[sign]}}}" for sign in MATHEMATICAL}
WRITTEN["…"] = r"\dots{}"
"""How signs are written that LaTeX reads as something else, or its fonts lack."""


def latex_article(document: Document) -> str:
    """The whole file; what is shown follows the document's sections, as in the PDF."""
    body = [
        rf"\title{{{text(document.title)}}}\author{{}}\date{{}}\maketitle",
        text(document.about),
        *_stamp(document.stamp),
        *_head(document.head),
        "" if document.handed_out else r"\tableofcontents",
        *chain.from_iterable(_section(document, section) for section in document.sections),
        *_notes(document.notes),
        *_answers(document.answers),
        *(rf"{{\footnotesize {text(line)}\par}}" for line in document.colophon),
    ]
    template = files(__package__).joinpath("templates", "latex.tex").read_text(encoding="utf-8")
    return template.replace("%% the document", "\n\n".join(filter(None, body)))


def text(plain_text: str) -> str:
    r"""Any text as LaTeX; a sign that its fonts may lack is `\unknown`, with its code and itself.

    >>> text("50 % of √d, x̂₁ 😀")
    '50 \\% of \\ensuremath{\\surd}d, \\^{x}\\textsubscript{1} \\unknown{1F600}{😀}'
    """
    parts = re.findall(rf"\w{HAT}|.|\n", unicodedata.normalize("NFC", plain_text))
    return re.sub(r"([-,])(?=\1)", r"\1{}", "".join(map(_sign, parts)))  # no ligatures: --show


def mathematics(formula_text: str) -> str:
    """A formula of a step: mathematics, and the words between where a line may break."""
    return " ".join(
        text(plain(piece).strip()) if in_words(piece) else rf"$\displaystyle {maths(piece)}$"
        for piece in pieces(formula(formula_text))
    )


def _sign(sign: str) -> str:
    script = {"<sub>": "sub", "<super>": "super"}.get(
        unicodedata.decomposition(sign).partition(" ")[0] if len(sign) == 1 else ""
    )
    if sign.endswith(HAT):
        return rf"\^{{{sign[0]}}}"
    if sign in WRITTEN:
        return WRITTEN[sign]
    if script:
        return rf"\text{script}script{{{unicodedata.normalize('NFKC', sign)}}}"
    if sign == "\n" or sign in T1 or (sign <= "ÿ" and sign.isprintable()):
        return sign
    return rf"\unknown{{{ord(sign):X}}}{{{sign if sign.isprintable() else ''}}}"


def _head(head: SheetHead | None) -> Iterator[str]:
    if head is not None:
        yield "".join(rf"\field{{{text(field)}}}" for field in head.fields)
        yield rf"\rulefor{{{text(head.rule)}}}"


def _work(lines: Iterable[BlankLine]) -> Iterator[str]:
    for line in lines:
        made = f"{line.label} = {line.formula}" if line.formula else line.label
        yield rf"\workline{{{line.blank}}}{{{text(made)}}}{{{text(line.asked)}}}"


def _section(document: Document, section: Section) -> Iterator[str]:
    if section.heading:
        yield rf"\section{{{text(section.heading)}}}"
    for row in section.rows:
        yield from _row(document, row)


def _row(document: Document, row: DocumentRow) -> Iterator[str]:
    yield from _step(document, row.step, "subsection")
    if row.back:
        yield r"\begin{backward}"
        yield from _step(document, row.back, "subsubsection")
        yield r"\end{backward}"


def _step(document: Document, step: DocumentStep, level: str) -> Iterator[str]:
    if step.title:
        number = "" if step.number is None else rf"{step.number}\quad "
        block = rf"\quad {{\normalfont\small {text(step.block)}}}" if step.block else ""
        yield rf"\{level}{{{number}{text(step.title)}{block}}}"
    if step.spelt:
        yield "".join(_target(value.anchor) for value in step.values)
    yield text(step.opening)
    yield from (rf"\formula{{{mathematics(line)}}}" for line in step.formulas)
    for value in () if step.spelt else step.values:
        yield from _value(document, value)
    if step.lines:
        yield _columns(step.lines)
    yield text(step.closing)
    yield from _work(step.work)


def _columns(lines: Iterable[str]) -> str:
    r"""Lines that are set in columns by spaces; longer ones than the page are broken."""
    broken = chain.from_iterable(
        textwrap.wrap(line, LINE, subsequent_indent="  ", replace_whitespace=False) or [""]
        for line in lines
    )
    rows = "\\\\".join(text(line).replace(" ", "~") for line in broken)
    return rf"\columns{{{rows}}}"


def _value(document: Document, value: Value) -> Iterator[str]:
    colour = "gradient" if value.gradient else "value"
    title = (
        rf"{_target(value.anchor)}\name{{{colour}}}{{{_code(value.name)}}}\quad {text(value.size)}"
    )
    if value.same_as:
        same = document.link(value.same_as) or Link(value.same_as, "")
        yield rf"\same{{{title}\quad is {_link(same)}}}"
        return
    symbol = rf"\quad ${latex(value.symbol)}$" if value.symbol else ""
    yield rf"\shown{{{title}{symbol}\quad {{\small {text(value.meaning)}}}}}"
    if value.whole:
        yield r"\tensor{" + "\n".join(chain.from_iterable(map(_table, value.tables))) + "}"
    else:
        yield _columns([f"{value.statistics}  {value.first}"])
    reads, read_by, facing = ways(document, value)
    said = {"reads": reads, "read by": read_by, "faces": (facing,) if facing else ()}
    linked = [f"{word}~{', '.join(map(_link, links))}" for word, links in said.items() if links]
    if linked:
        together = r"\quad ".join(linked)
        yield rf"\ways{{{together}}}"


def _table(table: ValueTable) -> Iterator[str]:
    """A table in groups of columns that fit the page."""
    for group in groups(table, ROOM, GAP):
        named = bool(group.labels)
        head = ["" for _ in range(named)] + [rf"\head{{{text(name)}}}" for name in group.columns]
        rows = [_cells(head)] if group.columns else []
        labels = group.labels or [""] * len(group.rows)
        for label, cells in zip(labels, group.rows, strict=True):
            rows.append(_cells([_label(label)] * named + list(map(_cell, cells))))
        columns = "l" * named + "r" * len(group.rows[0])
        title = f"{table.title} from {group.first}" if group.first else table.title
        above = rf"\tabletitle{{{text(title.strip())}}}" if title else ""
        body = "\n".join(rows)
        yield f"\\begin{{matrixtable}}{{{columns}}}{{{above}}}\n{body}\n\\end{{matrixtable}}"


def _cells(cells: Sequence[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _label(label: str) -> str:
    first, *more = map(text, label.split("\n"))
    lines = r"\\{}".join((first, *more))  # not [ behind it: that would be a length
    return rf"\head{{\shortstack[l]{{{lines}}}}}" if more else rf"\head{{{first}}}"


def _cell(cell: Cell) -> str:
    if cell.blank is not None:
        return rf"\blank{{{cell.blank}}}"
    strength = round(TINT * abs(cell.tint))
    colour = "above" if cell.tint > 0 else "below"
    tint = rf"\cellcolor{{{colour}!{strength}}}" if strength else ""
    return tint + text(cell.text)


def _code(name: str) -> str:
    r"""A name of the code's, which may be broken behind its dots."""
    return text(name).replace(".", r".\allowbreak{}")


def _target(anchor: str) -> str:
    return rf"\hypertarget{{{_place(anchor)}}}{{}}" if anchor else ""


def _link(link: Link) -> str:
    local = rf"\code{{{_code(link.local)}}} = " if link.local else ""
    name = rf"\code{{{_code(link.name)}}}"
    return local + (rf"\hyperlink{{{_place(link.anchor)}}}{{{name}}}" if link.anchor else name)


def _place(anchor: str) -> str:
    """An anchor without the sign that LaTeX reads as an index."""
    return f"value-{anchor.replace('_', '-')}"


def _stamp(stamp: Stamp | None) -> Iterator[str]:
    if stamp is not None:
        yield rf"\textbf{{{text(stamp.claim)}}} Certificate: \code{{{_code(stamp.file)}}}"


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield r"\section{Notes}"
        yield from map(text, notes)


def _answers(answers: Sequence[Answer]) -> Iterator[str]:
    if answers:
        yield r"\section{Answers}"
        for answer in answers:
            names = ", ".join(rf"\code{{{_code(name)}}}" for name in answer.names)
            why = text(answer.arithmetic)
            yield rf"\answer{{{answer.blank}}}{{{names}}}{{{text(answer.text)}}}{{{why}}}"
