"""RMS norm."""

from collections.abc import Iterator

from linking.writing import Stage, Writing


def theorems() -> Iterator[str]:
    """Two rows of three."""
    w = Writing("rms_norm_code")
    x, weight, eps = w.input("x", 2, 3), w.input("weight", 3), w.input("eps")
    w.pair("rms_norm", x, weight=weight, eps=eps, gradient=("dout", 2, 3))
    yield w.theorem(
        "RMS norm.",
        Stage("rstd", "rms_rstd 3 eps (x {0})", "rms_rstd"),
        Stage("xhat", "rms_xhat 3 eps (x {0}) {1}", "rms_xhat"),
        Stage("out", "rms_norm 3 eps x weight", "rms_norm"),
        Stage("dweight", "rms_norm_dweight 2 3 eps x dout", "rms_norm_dweight"),
        Stage("dx", "rms_norm_dx 3 eps x weight dout", "rms_norm_dx"),
    )
