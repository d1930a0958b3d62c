"""Numbers set by hand."""

from collections.abc import Iterator

from linking.fixed import given, table
from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """Two of four numbers."""
    w = Writing("intervened_code")
    by_hand = [[True, False], [False, True]]
    x, value = w.input("x", 2, 2), w.input("value", 2, 2)
    w.pair("intervened", x, where=given(by_hand), value=value, gradient=("dout", 2, 2))
    set_ = table([[str(one).lower() for one in row] for row in by_hand])
    yield w.theorem(
        "Numbers set by hand.",
        Stage("out", f"intervened {set_} value x", "intervened"),
        Stage("dx", f"intervened_dx {set_} dout", "intervened_dx"),
    )
