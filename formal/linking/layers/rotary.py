"""Rotary positions."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """Two positions, width 4."""
    w = Writing("rotary_code")
    cos, sin = w.input("cosines", 2, 2), w.input("sines", 2, 2)
    w.pair("rotary", w.input("x", 2, 4), cos=cos, sin=sin, gradient=("dout", 2, 4))
    yield w.theorem(
        "Rotary positions, whatever the tables.",
        Stage("out", "rotary 2 cosines sines x", "rotary"),
        Stage("dx", "rotary_dx 2 cosines sines dout", "rotary_dx"),
    )
