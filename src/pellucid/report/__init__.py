"""Reports: they read a trace, and never run a layer."""

from pellucid.report.text import Walk, print_walk

__all__ = ["Walk", "print_walk"]
