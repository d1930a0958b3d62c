"""Formulas, read from their plain notation, written for each kind of page, and evaluated."""

from pellucid.documents.formulas.evaluate import Clause, Evaluated, equations, evaluate
from pellucid.documents.formulas.latex import latex
from pellucid.documents.formulas.mathml import mathml
from pellucid.documents.formulas.read import formula
from pellucid.documents.formulas.tree import plain
from pellucid.documents.formulas.typst import typst

__all__ = [
    "Clause",
    "Evaluated",
    "equations",
    "evaluate",
    "formula",
    "latex",
    "mathml",
    "plain",
    "typst",
]
