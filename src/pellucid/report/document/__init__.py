"""A lesson as a neutral document: what every writer of a format shows, decided once.

`document(lesson)` says which values are shown whole and which are the same as one before, how each
number is written, tinted and labelled, which step undoes which, and what every value was made from.
A writer takes a `Document` and returns a file's content, text or bytes, and knows nothing of tapes:

>>> from pellucid.examples import find_example
>>> made = document(find_example("softmax").lesson())
>>> outputs = next(made.values)
>>> outputs.name, outputs.shape, [cell.text for cell in outputs.tables[0].cells[0]]
('outputs', (2, 2), ['5', '1'])

A formula is plain text, as a step of a lesson gives it. What is to be computed by the reader of a
worksheet is a cell with a `blank`, its number in the answer key: a writer shows the number instead
of the text there, and `Document.answers` at the end.
"""

from pellucid.report.document.build import document, value
from pellucid.report.document.links import Link, Links, Origin, origins_of
from pellucid.report.document.model import Answer, Document, Part, Row, Section, Stamp, Step
from pellucid.report.document.recipe import (
    Recipe,
    by_hand_recipe,
    demonstration_recipe,
    example_recipe,
    model_recipe,
)
from pellucid.report.document.values import PRINTED, Cell, Table, Value
from pellucid.report.document.worksheet import SHARE, worksheet

__all__ = [
    "PRINTED",
    "SHARE",
    "Answer",
    "Cell",
    "Document",
    "Link",
    "Links",
    "Origin",
    "Part",
    "Recipe",
    "Row",
    "Section",
    "Stamp",
    "Step",
    "Table",
    "Value",
    "by_hand_recipe",
    "demonstration_recipe",
    "document",
    "example_recipe",
    "model_recipe",
    "origins_of",
    "value",
    "worksheet",
]
