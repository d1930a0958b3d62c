"""Dropout."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """With noise."""
    w = Writing("dropout_code")
    x, noise = w.input("x", 2, 2), w.input("noise", 2, 2)
    w.pair("dropout", x, noise=noise, gradient=("dout", 2, 2))
    yield w.theorem(
        "Dropout with noise.",
        Stage("out", "dropout noise x", "dropout"),
        Stage("dx", "dropout_dx noise dout", "dropout_dx"),
    )
