"""A document as PDF: A4, with a table of contents, by the typesetter Typst, offline."""

import json
from importlib.resources import files
from typing import Any

from pellucid.documents.formulas import typst
from pellucid.documents.links import Link
from pellucid.documents.model import Document, DocumentStep
from pellucid.documents.paper import groups, ways
from pellucid.documents.values import Value, ValueTable
from pellucid.errors import ConfigError

ROOM = 114
"""Characters that a row of a table has on the page, in the size of its numbers."""

GAP = 1.5
"""The space between two columns, in characters."""


def pdf(document: Document) -> bytes:
    """The pages; `ConfigError` where Typst is not installed.

    What is shown follows the document's sections: a step, and below it the one that undoes it.
    """
    try:
        from typst import Compiler, Fonts  # noqa: PLC0415 (an extra that not everyone has)
    except ImportError:
        raise ConfigError(
            "a PDF needs the typesetter Typst, which is not installed: "
            "pip install 'pellucid[document]'"
        ) from None
    template = files(__package__).joinpath("templates", "pdf.typ").read_bytes()
    # Typst brings the fonts of the page; the machine's stand in for letters that these lack.
    compiler = Compiler(template, font_paths=Fonts(include_system_fonts=True))
    pages = compiler.compile(format="pdf", sys_inputs={"document": json.dumps(_data(document))})
    assert isinstance(pages, bytes)
    return pages


def _data(document: Document) -> dict[str, Any]:
    """All that the template shows."""
    return {
        "title": document.title,
        "about": document.about,
        "head": document.head and document.head._asdict(),
        "brief": document.handed_out,
        "stamp": document.stamp and document.stamp._asdict(),
        "sections": [
            {
                "anchor": section.anchor,
                "heading": section.heading,
                "rows": [
                    {
                        "step": _step(document, row.step),
                        "back": row.back and _step(document, row.back),
                    }
                    for row in section.rows
                ],
            }
            for section in document.sections
        ],
        "notes": document.notes,
        "answers": [answer._asdict() for answer in document.answers],
        "colophon": document.colophon,
    }


def _step(document: Document, step: DocumentStep) -> dict[str, Any]:
    number = "" if step.number is None else f"{step.number}  "
    return {
        "anchor": step.anchor,
        "title": step.title and number + step.title,
        "block": step.block,
        "formulas": list(map(typst, step.formulas)),
        "values": [] if step.spelt else [_value(document, value) for value in step.values],
        "spelt": [value.anchor for value in step.values if step.spelt and value.anchor],
        "lines": step.lines,
        "opening": step.opening,
        "closing": step.closing,
        "work": [line._asdict() for line in step.work],
    }


def _value(document: Document, value: Value) -> dict[str, Any]:
    reads, read_by, facing = ways(document, value)
    known = document.link(value.same_as) or Link(value.same_as, "")
    whole = value.whole or bool(value.same_as)
    return {
        "name": value.name,
        "anchor": value.anchor,
        "size": value.size,
        "symbol": typst(value.symbol),
        "meaning": value.meaning,
        "gradient": value.gradient,
        "same": known._asdict() if value.same_as else None,
        "statistics": "" if whole else f"{value.statistics}  {value.first}",
        "tables": [part for table in value.tables for part in _parts(table)] if value.whole else [],
        "reads": [link._asdict() for link in reads],
        "read_by": [link._asdict() for link in read_by],
        "facing": [facing._asdict()] if facing else [],
    }


def _parts(table: ValueTable) -> list[dict[str, Any]]:
    """The groups of a table's columns; those behind the first say where they begin."""
    return [
        {
            "title": table.title
            if not group.first
            else f"{table.title} from {group.first}".strip(),
            "columns": group.columns,
            "labels": group.labels,
            "rows": [
                [{"text": cell.text, "tint": cell.tint, "blank": cell.blank} for cell in row]
                for row in group.rows
            ],
        }
        for group in groups(table, ROOM, GAP)
    ]
