"""Shared heads."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """Two heads, each for two."""
    w = Writing("repeat_heads_code")
    w.pair("repeat_heads", w.input("x", 2, 2, 1), group=2, gradient=("dout", 4, 2, 1))
    yield w.theorem(
        "Shared heads.",
        Stage("out", "repeat_heads 2 x", "repeat_heads"),
        Stage("dx", "repeat_heads_dx 2 dout", "repeat_heads_dx"),
    )
