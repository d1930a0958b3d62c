"""A document as Markdown, as code hosting sites show it: fenced mathematics, tables of pipes."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from pellucid.documents.formulas import latex
from pellucid.documents.formulas.read import formula
from pellucid.documents.formulas.tree import in_words, plain
from pellucid.documents.links import Link
from pellucid.documents.model import Answer, Document, DocumentPart, DocumentStep
from pellucid.documents.paper import ways
from pellucid.documents.values import Value, ValueTable

BLANK = "＿＿＿"
"""What stands in a worksheet's place for a number, behind the number of the blank."""


class Fences(NamedTuple):
    """What LaTeX stands between, as a block of its own and in a line."""

    block: str
    inline: str


HOSTED = Fences("```math\n{}\n```", "$`{}`$")
"""As GitHub and GitLab take it: what stands between dollars alone, Markdown would read too."""

JUPYTER = Fences("$$\n{}\n$$", "${}$")


def markdown(document: Document) -> str:
    """The document in one text, in the order of the run."""
    blocks = [
        f"# {escaped(document.title)}",
        escaped(document.about),
        *head_of_handout(document),
        stamped(document),
        "" if document.head else _contents(document),
        *chain.from_iterable(_part(document, part) for part in document.parts),
        *map(escaped, document.notes),
        *answer_key(document.answers),
        *(f"*{escaped(line)}*" for line in document.colophon),
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def stamped(document: Document) -> str:
    """What is certified, with a link to the certificate; nothing where nothing is."""
    if document.stamp is None:
        return ""
    claim, file = document.stamp
    return f"> {escaped(claim)} [Certificate: {escaped(file)}](<{file}>)"


def head_of_handout(document: Document) -> Iterator[str]:
    """The lines for a name and the like, and the rule for answers."""
    if document.head is not None:
        yield " ".join(f"**{escaped(field)}** {BLANK * 3}" for field in document.head.fields)
        yield f"> {escaped(document.head.rule)}"


def work(step: DocumentStep) -> Iterator[str]:
    """The lines of a question to fill in."""
    lines = []
    for line in step.work:
        asked = f" ({escaped(line.asked)})" if line.asked else ""
        what = f"`{line.label} = {line.formula}`" if line.formula else f"`{line.label}`"
        lines.append(f"- **({line.blank})** {what} = {BLANK}{asked}")
    yield "\n".join(lines)


def mathematics(text: str, fences: Fences = HOSTED) -> str:
    """A formula of a step as a block of its own, or as a line where it is but words."""
    tree = formula(text)
    return escaped(plain(tree)) if in_words(tree) else fences.block.format(latex(text))


def escaped(text: str) -> str:
    """Text with the signs that Markdown or HTML give a meaning to written out."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]$|#~])", r"\\\1", text)


def heading(step: DocumentStep) -> str:
    """A step's title, with its number and its block."""
    number = "" if step.number is None else f"{step.number} "
    return escaped(number + step.title + (f" ({step.block})" if step.block else ""))


def _contents(document: Document) -> str:
    lines = []
    for part in document.parts:
        lines.append(f"- [{escaped(part.heading)}](#{part.anchor})")
        lines += [f"  - [{heading(step)}](#{step.anchor})" for step in part.steps if step.title]
    return "\n".join(lines)


def _part(document: Document, part: DocumentPart) -> Iterator[str]:
    if part.heading:
        yield f'<a id="{part.anchor}"></a>\n\n## {escaped(part.heading)}'
    for step in part.steps:
        yield from _step(document, step)


def _step(document: Document, step: DocumentStep) -> Iterator[str]:
    places = [step.anchor, *(value.anchor for value in step.values if step.spelt)]
    yield "".join(f'<a id="{anchor}"></a>' for anchor in places if anchor)
    if step.title:
        yield f"### {heading(step)}"
    if step.undoes:
        yield f"[the step that it undoes](#{step.undoes})"
    yield escaped(step.opening)
    yield from map(mathematics, step.formulas)
    if not step.spelt:
        for value in step.values:
            yield from value_blocks(document, value)
    if step.lines:
        yield "\n".join(("```text", *step.lines, "```"))
    yield escaped(step.closing)
    yield from work(step)


def value_blocks(document: Document, value: Value, fences: Fences = HOSTED) -> Iterator[str]:
    """A value's title, its numbers as tables, and where it leads."""
    place = f'<a id="{value.anchor}"></a>' if value.anchor else ""
    title = f"{place}**`{value.name}`** {value.size}"
    if value.same_as:
        yield f"{title} is {_link(document.link(value.same_as) or Link(value.same_as, ''))}"
        return
    symbol = " " + fences.inline.format(latex(value.symbol)) if value.symbol else ""
    yield title + symbol + (f" {escaped(value.meaning)}" if value.meaning else "")
    if value.whole:
        yield from map(_table, value.tables)
    else:
        yield f"`{value.statistics}  {value.first}`"
    reads, read_by, facing = ways(document, value)
    said = {"reads": reads, "read by": read_by, "faces": (facing,) if facing else ()}
    yield " · ".join(
        f"{word} {', '.join(map(_link, links))}" for word, links in said.items() if links
    )


def _table(table: ValueTable) -> str:
    """A table of pipes, which must have a heading; numbers stand to the right."""
    width = len(table.cells[0])
    columns = [f" {escaped(column)} " for column in table.columns or [""] * width]
    named = [table.title] if table.rows or table.title else []
    labels = list(table.rows or [""] * len(table.cells))
    lines = [*_row([f" {title} " for title in named] + columns)]
    lines += _row([":--"] * len(named) + ["--:"] * width)
    for label, row in zip(labels, table.cells, strict=True):
        texts = [cell.text if cell.blank is None else f"({cell.blank}) {BLANK}" for cell in row]
        lines += _row([f" {escaped(label)} "] * len(named) + [f" {text} " for text in texts])
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> list[str]:
    return [f"|{'|'.join(cells)}|"]


def _link(link: Link) -> str:
    local = f"`{link.local}` = " if link.local else ""
    return local + (f"[`{link.name}`](#{link.anchor})" if link.anchor else f"`{link.name}`")


def answer_key(answers: Sequence[Answer]) -> Iterator[str]:
    """The numbers of a worksheet's blanks, and how each is made."""
    if answers:
        yield "## Answers"
        lines = ["| no. | number | value | arithmetic |", "|--:|:--|--:|:--|"]
        for answer in answers:
            names = ", ".join(f"`{name}`" for name in answer.names)
            why = escaped(answer.arithmetic)
            lines.append(f"| {answer.blank} | {names} | {answer.text} | {why} |")
        yield "\n".join(lines)
