"""Known slips: what comes out where a formula, a number or an index is taken wrongly."""

from pellucid.lessons.slips.slips import slips_of

__all__ = ["slips_of"]
