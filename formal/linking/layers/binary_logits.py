"""One number for two classes."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """Two rows."""
    w = Writing("binary_logits_code")
    w.pair("binary_logits", w.input("x", 2, 1), gradient=("dout", 2, 2))
    yield w.theorem(
        "One number for two classes.",
        Stage("out", "binary_logits x", "binary_logits"),
        Stage("dx", "binary_logits_dx dout", "binary_logits_dx"),
    )
