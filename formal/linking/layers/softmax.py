"""Softmax: of the code, which takes the row's maximum away before exp."""

from collections.abc import Iterator

from linking.writing import ALWAYS, Stage, Writing


def theorems() -> Iterator[str]:
    """Rows of three."""
    w = Writing("softmax_code")
    w.pair("softmax", w.input("x", 2, 3), gradient=("dout", 2, 3))
    yield w.theorem(
        "Softmax, row by row.",
        Stage(
            "out", "softmax 3 (x {0}) {1}", by=shifted(3, "all_visible", "(x {0})", "all_visible")
        ),
        Stage("dx", "softmax_dx 3 (softmax 3 (x {0})) (dout {0}) {1}", "softmax_dx"),
    )


def shifted(n: int, visible: str, x: str, also: str = "", name: str = "softmax") -> str:
    """How a place of softmax is seen to be the code's. The first place must be visible."""
    seen = "exists 0%nat; split; [lia | reflexivity]"
    whole = f"<- (masked_softmax_shift {n} {visible} {x} {{shift}})"
    unfold = f"cbv beta iota zeta delta [masked_softmax exps {ALWAYS} {also}]"
    return f"unfold {name}; rewrite {whole} by ({seen}); {unfold}; same"
