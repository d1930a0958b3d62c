"""The formulas of the steps, read from their plain notation and written for each kind of page."""

from pellucid.documents.formulas.latex import latex
from pellucid.documents.formulas.mathml import mathml
from pellucid.documents.formulas.read import formula
from pellucid.documents.formulas.tree import plain
from pellucid.documents.formulas.typst import typst

__all__ = ["formula", "latex", "mathml", "plain", "typst"]
