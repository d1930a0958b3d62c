"""The absolute error."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """Two examples of two numbers."""
    w = Writing("absolute_error_code")
    x, wanted = w.input("x", 2, 2), w.input("wanted", 2, 2)
    w.pair("absolute_error", x, wanted=wanted, gradient=("dloss",), out="loss", back=("derrors",))
    yield w.theorem(
        "The absolute error.",
        Stage("loss", "absolute_error 2 2 wanted x", "absolute_error"),
        Stage("derrors", "absolute_error_dx 2 wanted x dloss", "absolute_error_dx"),
    )
