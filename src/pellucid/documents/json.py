"""A document as JSON: the same values, with every digit; docs/document.md lists the keys."""

import json
import math
from typing import Any

from pellucid.documents.links import Link
from pellucid.documents.model import Document, DocumentStep, Section
from pellucid.documents.values import Value, ValueTable

VERSION = 1
"""Counted up when a key changes its meaning or goes."""


def data(document: Document) -> str:
    """The document as JSON; what is not finite is a string, "inf", "-inf" or "nan"."""
    content = {
        "format": "pellucid document",
        "version": VERSION,
        "title": document.title,
        "about": document.about,
        "head": document.head
        and {"fields": list(document.head.fields), "rule": document.head.rule},
        "certificate": document.stamp and document.stamp._asdict(),
        "sections": [_section(document, section) for section in document.sections],
        "notes": list(document.notes),
        "answers": [answer._asdict() for answer in document.answers],
        "colophon": list(document.colophon),
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _section(document: Document, section: Section) -> dict[str, Any]:
    return {
        "anchor": section.anchor,
        "heading": section.heading,
        "facing": section.facing,
        "steps": [
            {
                "forward": _step(document, row.step),
                "backward": None if row.back is None else _step(document, row.back),
            }
            for row in section.rows
        ],
    }


def _step(document: Document, step: DocumentStep) -> dict[str, Any]:
    return {
        "anchor": step.anchor,
        "number": step.number,
        "title": step.title,
        "block": step.block,
        "formulas": list(step.formulas),
        "lines": list(step.lines),
        "says": step.says,
        "work": [line._asdict() for line in step.work],
        "values": [_value(document, value) for value in step.values],
    }


def _value(document: Document, value: Value) -> dict[str, Any]:
    named = {
        "name": value.name,
        "anchor": value.anchor,
        "shape": list(value.shape),
        "symbol": value.symbol,
        "meaning": value.meaning,
        "gradient": value.gradient,
        "same_as": value.same_as or None,
    }
    if value.same_as:
        return named
    origin, facing = document.links.origin(value.name), document.facing(value)
    return named | {
        "labels": [None if labels is None else list(labels) for labels in value.labels],
        "made_by": None if origin is None else origin._asdict() | {"reads": dict(origin.reads)},
        "reads": [_link(link) for link in document.links.reads(value.name)],
        "read_by": [_link(link) for link in document.links.read_by(value.name)],
        "facing": None if facing is None else facing.name,
        "statistics": None if value.whole else value.statistics,
        "first": None if value.whole else value.first,
        "tables": [_table(document, table) for table in value.tables] if value.whole else [],
    }


def _link(link: Link) -> dict[str, Any]:
    return {"name": link.name, "anchor": link.anchor or None, "local": link.local or None}


def _table(document: Document, table: ValueTable) -> dict[str, Any]:
    rows = [
        [
            {
                "name": cell.name,
                "number": _number(cell.number) if cell.blank is None else None,
                "text": cell.text if cell.blank is None else None,
                "tint": cell.tint if cell.blank is None else None,
                "blank": cell.blank,
                "arithmetic": list(document.arithmetic(cell.name)),
            }
            for cell in row
        ]
        for row in table.cells
    ]
    return {"title": table.title, "rows": table.rows, "columns": table.columns, "cells": rows}


def _number(number: float) -> float | str:
    """Python writes a float with all the digits that tell it from its neighbours."""
    return number if math.isfinite(number) else str(number)
