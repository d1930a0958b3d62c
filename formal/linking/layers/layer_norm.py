"""Layer norm."""

from collections.abc import Iterator
from typing import NamedTuple

from linking.layers.linear import NO_BIAS
from linking.writing import Stage, Writing


class LayerNorm(NamedTuple):
    """Layer norm in the theorem's words: its width and its inputs; two rows."""

    C: int
    x: str
    weight: str
    bias: str
    dout: str = ""
    has_bias: bool = True

    @property
    def out(self) -> str:
        """What it makes."""
        return f"layer_norm {self.C} eps {self.x} {self.weight} {self.bias}"

    @property
    def dx(self) -> str:
        """The gradient of x."""
        return f"layer_norm_dx {self.C} eps {self.x} {self.weight} {self.dout}"

    def forward(self) -> list[Stage]:
        """Its lines."""
        C, row = self.C, f"({self.x} {{0}})"
        return [
            Stage("variance", f"variance {C} {row}", "variance centered"),
            Stage("rstd", f"rstd {C} eps {row}", "rstd"),
            Stage("xhat", f"xhat {C} eps {row} {{1}}", "xhat centered"),
            Stage("out", self.out, "layer_norm"),
        ]

    def backward(self) -> list[Stage]:
        """Its lines from dout to dx and the gradients of gain and shift."""
        dweight = f"layer_norm_dweight 2 {self.C} eps {self.x} {self.dout}"
        dbias = Stage("dbias", f"layer_norm_dbias 2 {self.dout}", "layer_norm_dbias")
        return [
            Stage("dweight", dweight, "layer_norm_dweight"),
            *([dbias] if self.has_bias else []),
            Stage("dx", self.dx, "layer_norm_dx"),
        ]


def theorems() -> Iterator[str]:
    """Two rows of three; with a shift, and without."""
    for bias in (True, False):
        w = Writing("layer_norm_code" if bias else "layer_norm_without_bias_code")
        x, weight = w.input("x", 2, 3), w.input("weight", 3)
        own = {"bias": w.input("bias", 3)} if bias else {}
        eps = w.input("eps")
        w.pair("layer_norm", x, weight=weight, eps=eps, **own, gradient=("dout", 2, 3))
        norm = LayerNorm(3, "x", "weight", "bias" if bias else NO_BIAS, "dout", bias)
        yield w.theorem(
            f"Layer norm {'with' if bias else 'without'} a shift.",
            *norm.forward(),
            *norm.backward(),
        )
