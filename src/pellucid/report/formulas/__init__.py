"""The formulas of the steps, read from their plain notation and written for each kind of page."""

from pellucid.report.formulas.latex import latex
from pellucid.report.formulas.mathml import mathml
from pellucid.report.formulas.read import formula
from pellucid.report.formulas.tree import plain
from pellucid.report.formulas.typst import typst

__all__ = ["formula", "latex", "mathml", "plain", "typst"]
