"""Multi-head attention from queries, keys and values."""

from collections.abc import Iterator
from typing import NamedTuple

from linking.fixed import MASK, seen
from linking.layers.linear import MAP, a_map, gradients
from linking.layers.scaled_dot_product import QKV, Attention
from linking.writing import Stage, Writing
from pellucid.layers import REFERENCE

OUT = f"dropout {MAP}"
"""What a last map with dropout behind it is made of."""


class MultiHead(NamedTuple):
    """Multi-head attention in the theorem's words, on its core: c_proj, noise behind it, dout."""

    core: Attention
    noise: str
    c_proj: str
    dout: str
    own: str = ""

    def forward(self) -> list[Stage]:
        """The lines up to the heads side by side; what is made of them depends on who asks."""
        c = self.core
        merged = f"merged {c.S} {c.d} {c.mask} {c.noise} {c.q} {c.k} {c.v}"
        return [*c.forward(), Stage("merged", merged, "merged merge_heads")]

    def backward(self, width: int) -> list[Stage]:
        """The lines from the last map to q, k and v."""
        c = self.core
        back = f"linear_dx_of {width} {self.c_proj} (dropout_dx {self.noise} {self.dout})"
        return [
            Stage("dmerged", back, f"linear_dx_of linear_dx dropout_dx {self.own}"),
            Stage("dz", c.dz, f"multi_head_dz split_heads {self.own}"),
            *c.backward(),
        ]

    @property
    def dc_proj(self) -> str:
        """The gradients of the last map, weight and bias."""
        c = self.core
        inputs = f"{c.mask} {c.noise} {self.noise} {c.q} {c.k} {c.v} {self.dout}"
        return f"(multi_head_dc_proj {c.T} {c.S} {c.d} {inputs})"


def theorems() -> Iterator[str]:
    """Two heads of width 2, two queries, three keys."""
    w = Writing("multi_head_code")
    q, k, v = w.input("q", 2, 2, 2), w.input("k", 2, 3, 2), w.input("v", 2, 3, 2)
    noises = {"attn_noise": w.input("attn_noise", 2, 2, 3), "resid_noise": w.input("noise", 2, 3)}
    c_proj, p = a_map(w, "proj", 4, 3)
    w.pair(
        "multi_head",
        *(q, k, v),
        c_proj=c_proj,
        mask=seen(MASK),
        **noises,
        shared={"ops": REFERENCE},
        gradient=("dout", 2, 3),
        out="resid_dropout.out",
        back=QKV,
    )
    dz = f"(multi_head_dz 3 2 noise {p} dout)"
    core = Attention(2, 3, 2, MASK, "attn_noise", "q", "k", "v", dz)
    heads = MultiHead(core, "noise", p, "dout")
    out = f"multi_head 2 3 2 {MASK} attn_noise noise q k v {p}"
    yield w.theorem(
        "Multi-head attention.",
        *heads.forward(),
        Stage("resid_dropout.out", out, f"multi_head {OUT}"),
        *heads.backward(3),
        *gradients("c_proj", heads.dc_proj, "multi_head_dc_proj"),
    )
