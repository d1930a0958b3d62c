"""ReLU."""

from collections.abc import Iterator

from linking.layers.activation import Activation

RELU = Activation("relu", by="by_sign")


def theorems() -> Iterator[str]:
    """Two numbers."""
    yield RELU.theorem("ReLU, at 0 too.")
