"""SiLU."""

from collections.abc import Iterator

from linking.layers.activation import Activation
from linking.writing import Stage

SILU = Activation("silu", forward=(Stage("sigma", "sigma X", "sigma"),))


def theorems() -> Iterator[str]:
    """Two numbers."""
    yield SILU.theorem("SiLU.")
