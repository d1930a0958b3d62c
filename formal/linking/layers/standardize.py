"""Columns brought to one size."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """Two rows of two columns."""
    w = Writing("standardize_code")
    x, mean, std = w.input("x", 2, 2), w.input("means", 2), w.input("std", 2)
    w.pair("standardize", x, mean=mean, std=std, gradient=("dout", 2, 2))
    yield w.theorem(
        "Standardization.",
        Stage("out", "standardize means std x", "standardize"),
        Stage("dx", "standardize_dx std dout", "standardize_dx"),
    )
