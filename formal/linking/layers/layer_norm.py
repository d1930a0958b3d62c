"""Layer norm."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """Two rows of three."""
    w = Writing("layer_norm_code")
    x, weight, bias = w.input("x", 2, 3), w.input("weight", 3), w.input("bias", 3)
    eps = w.input("eps")
    w.pair("layer_norm", x, weight=weight, bias=bias, eps=eps, gradient=("dout", 2, 3))
    yield w.theorem(
        "Layer norm.",
        Stage("variance", "variance 3 (x {0})", "variance centered"),
        Stage("rstd", "rstd 3 eps (x {0})", "rstd"),
        Stage("xhat", "xhat 3 eps (x {0}) {1}", "xhat centered"),
        Stage("out", "layer_norm 3 eps x weight bias", "layer_norm"),
        Stage("dweight", "layer_norm_dweight 2 3 eps x dout", "layer_norm_dweight"),
        Stage("dbias", "layer_norm_dbias 2 dout", "layer_norm_dbias"),
        Stage("dx", "layer_norm_dx 3 eps x weight dout", "layer_norm_dx"),
    )
