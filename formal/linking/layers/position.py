"""Learned positions."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """From the start, and from later on."""
    for start in (0, 1):
        w = Writing(f"position_code_from_{start}")
        x, weight = w.input("x", 2, 2), w.input("weight", 4, 2)
        dx = w.pair("position", x, weight=weight, start=start, gradient=("dout", 2, 2), back=("",))
        yield w.theorem(
            f"Learned positions from {start} on.",
            Stage("out", f"position {start} x weight", "position"),
            Stage("dweight", f"position_dweight 2 {start} dout", "position_dweight"),
            Stage(dx, "dout"),
        )
