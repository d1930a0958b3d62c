"""RMS norm."""

from collections.abc import Iterator
from typing import NamedTuple

from linking.writing import Stage, Writing


class RmsNorm(NamedTuple):
    """RMS norm in the theorem's words: its width and its inputs; two rows."""

    C: int
    x: str
    weight: str
    dout: str = ""

    @property
    def out(self) -> str:
        """What it makes."""
        return f"rms_norm {self.C} eps {self.x} {self.weight}"

    @property
    def dx(self) -> str:
        """The gradient of x."""
        return f"rms_norm_dx {self.C} eps {self.x} {self.weight} {self.dout}"

    def forward(self) -> list[Stage]:
        """Its lines."""
        C, row = self.C, f"({self.x} {{0}})"
        return [
            Stage("rstd", f"rms_rstd {C} eps {row}", "rms_rstd"),
            Stage("xhat", f"rms_xhat {C} eps {row} {{1}}", "rms_xhat"),
            Stage("out", self.out, "rms_norm"),
        ]

    def backward(self) -> list[Stage]:
        """Its lines from dout to dx and the gradient of the gain."""
        dweight = f"rms_norm_dweight 2 {self.C} eps {self.x} {self.dout}"
        return [
            Stage("dweight", dweight, "rms_norm_dweight"),
            Stage("dx", self.dx, "rms_norm_dx"),
        ]


def theorems() -> Iterator[str]:
    """Two rows of three."""
    w = Writing("rms_norm_code")
    x, weight, eps = w.input("x", 2, 3), w.input("weight", 3), w.input("eps")
    w.pair("rms_norm", x, weight=weight, eps=eps, gradient=("dout", 2, 3))
    norm = RmsNorm(3, "x", "weight", "dout")
    yield w.theorem("RMS norm.", *norm.forward(), *norm.backward())
