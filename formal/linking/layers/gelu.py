"""GELU, both forms: the floats for √(2/π) and 0.044715 as they are, √2 and √(2π) as roots."""

import sys
from collections.abc import Iterator
from typing import Any

from linking.exact import written
from linking.layers.activation import Activation
from linking.writing import Stage

CODE: Any = sys.modules["pellucid.layers.gelu"]
CONSTANTS = f"{written(CODE.SQRT_2_OVER_PI)} {written(CODE.CUBIC)}"

TANH = Activation(
    "gelu_tanh",
    CONSTANTS,
    forward=(Stage("tanh", f"tanh (gelu_inner {CONSTANTS} X)", "gelu_inner"),),
    definition="gelu_tanh_of",
)
ERF = Activation(
    "gelu_erf",
    forward=(Stage("phi", "gelu_phi X", "gelu_phi"),),
    backward=(Stage("density", "exp (- / 2 * X ^ 2) / sqrt (2 * PI)"),),
)


def theorems() -> Iterator[str]:
    """Both forms."""
    yield TANH.theorem("Tanh GELU, with the code's floats for √(2/π) and 0.044715.")
    yield ERF.theorem("Erf GELU; the code's floats for √2 and √(2π) are read as these roots.")
