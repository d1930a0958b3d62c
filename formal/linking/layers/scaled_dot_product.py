"""Attention in each head; the code's float for √d is read as the root."""

from collections.abc import Iterator
from typing import NamedTuple

from linking.fixed import MASK, seen
from linking.layers.softmax import shifted
from linking.writing import Stage, Writing

ATTEND = "attend_dq attend_dk attend_dv unembedding_dx unembedding_dweight linear_dweight scale_dx"

QKV = ("dq", "dk", "dv")
"""What its backward hands back."""


class Attention(NamedTuple):
    """Scaled dot-product attention in the theorem's words: sizes, inputs, and what dz is."""

    T: int
    S: int
    d: int
    mask: str
    noise: str
    q: str
    k: str
    v: str
    dz: str
    also: str = ""

    def forward(self) -> list[Stage]:
        """The lines from the scores to z; T and S are of the mask."""
        d, S, mask, noise = self.d, self.S, self.mask, self.noise
        q, k = f"({self.q} {{0}})", f"({self.k} {{0}})"
        row = f"(scores {d} {q} {k} {{1}})"
        return [
            Stage("scores", f"scores {d} {q} {k} {{1}} {{2}}", f"scores unembedding {self.also}"),
            Stage(
                "att",
                f"att {S} {d} {mask} {q} {k} {{1}} {{2}}",
                by=shifted(S, f"({mask} {{1}})", row, name="att"),
            ),
            Stage(
                "kept", f"kept {S} {d} {mask} ({noise} {{0}}) {q} {k} {{1}} {{2}}", "kept dropout"
            ),
            Stage(
                "z",
                f"scaled_dot_product {S} {d} {mask} {noise} {self.q} {self.k} {self.v}",
                f"scaled_dot_product attend linear_map {self.also}",
            ),
        ]

    def backward(self) -> list[Stage]:
        """The lines from dv to dq and dk."""
        T, S, d, mask, noise = self.T, self.S, self.d, self.mask, self.noise
        q, k, v, dz = self.q, self.k, self.v, self.dz
        dkept = f"(linear_dx {d} ({v} {{0}}) ({dz} {{0}}))"
        inner = f"{mask} ({noise} {{0}}) ({q} {{0}}) ({k} {{0}}) ({v} {{0}}) ({dz} {{0}})"
        whole = f"{mask} {noise} {q} {k} {v} {dz}"
        name = "scaled_dot_product"
        return [
            Stage(
                "dv",
                f"{name}_dv {T} {S} {d} {mask} {noise} {q} {k} {dz}",
                f"{name}_dv {ATTEND}",
            ),
            Stage("dkept", f"{dkept} {{1}} {{2}}", f"linear_dx {self.also}"),
            Stage("datt", f"dropout_dx ({noise} {{0}}) {dkept} {{1}} {{2}}", "dropout_dx"),
            Stage(
                "dscores",
                f"attend_dscores {S} {d} {inner} {{1}} {{2}}",
                "attend_dscores softmax_dx dropout_dx",
            ),
            Stage("dq", f"{name}_dq {S} {d} {whole}", f"{name}_dq {ATTEND} {self.also}"),
            Stage("dk", f"{name}_dk {T} {S} {d} {whole}", f"{name}_dk {ATTEND}"),
        ]


def theorems() -> Iterator[str]:
    """Two heads of width 2, two queries, three keys, of which one is hidden from the first."""
    w = Writing("scaled_dot_product_code")
    q, k, v = w.input("q", 2, 2, 2), w.input("k", 2, 3, 2), w.input("v", 2, 3, 2)
    told = {"noise": w.input("noise", 2, 2, 3), "mask": seen(MASK)}
    w.pair("scaled_dot_product", q, k, v, **told, gradient=("dz", 2, 2, 2), out="z", back=QKV)
    at = Attention(2, 3, 2, MASK, "noise", "q", "k", "v", "dz")
    yield w.theorem(
        "Attention in each head; the code's float for √2 is read as the root.",
        *at.forward(),
        *at.backward(),
    )
