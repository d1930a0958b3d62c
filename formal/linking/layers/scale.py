"""Scaling."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """By any factor."""
    w = Writing("scale_code")
    factor = w.input("factor")
    w.pair("scale", w.input("x", 2, 2), factor=factor, gradient=("dout", 2, 2))
    yield w.theorem(
        "Scaling.",
        Stage("out", "scale factor x", "scale"),
        Stage("dx", "scale_dx factor dout", "scale_dx"),
    )
