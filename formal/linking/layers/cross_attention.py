"""Multi-head cross-attention."""

from collections.abc import Iterator
from typing import NamedTuple

from linking.fixed import MASK, seen
from linking.layers.linear import MAP, a_map, gradients
from linking.layers.multi_head import OUT, MultiHead
from linking.layers.scaled_dot_product import Attention
from linking.writing import Stage, Writing
from pellucid.layers import REFERENCE

BACK = ("c_q.dx", "c_kv.dx")
"""What its backward hands back: the gradients of x and of the memory."""


class CrossAttention(NamedTuple):
    """Cross-attention in the theorem's words: H heads of width d, two positions, three places."""

    H: int
    d: int
    noises: tuple[str, str]
    x: str
    memory: str
    p: str
    dout: str

    @property
    def told(self) -> str:
        """Mask, noises, inputs and parameters, as all definitions have them."""
        return f"{MASK} {' '.join(self.noises)} {self.x} {self.memory} {self.p}"

    @property
    def out(self) -> str:
        """What it makes."""
        return f"cross_attention {self.H} 3 {self.d} {self.told}"

    @property
    def dx(self) -> str:
        """The gradient of x."""
        return f"cross_attention_dx {self.H} 3 {self.d} {self.told} {self.dout}"

    @property
    def dmemory(self) -> str:
        """The gradient of the memory."""
        return f"cross_attention_dmemory {self.H} 2 3 {self.d} {self.told} {self.dout}"

    @property
    def heads(self) -> MultiHead:
        """What it is made of."""
        H, d, p, (attn_noise, noise) = self.H, self.d, self.p, self.noises
        k, v = (f"(cross_kv {H} {d} {i} {self.memory} {p})" for i in range(2))
        dz = f"(cross_dz {H} {d} {noise} {p} {self.dout})"
        core = Attention(2, 3, d, MASK, attn_noise, f"(cross_q {H} {d} {self.x} {p})", k, v, dz)
        return MultiHead(core, noise, f"(cross_c_proj {p})", self.dout, "cross_dz cross_c_proj")

    def forward(self) -> list[Stage]:
        """Its lines from both maps to what it adds to the stream."""
        core, C = self.heads.core, self.H * self.d
        return [
            Stage("c_q.out", f"linear_of {C} {self.x} (c_q {self.p})", f"c_q {MAP}"),
            Stage("c_kv.out", f"linear_of {C} {self.memory} (c_kv {self.p})", f"c_kv {MAP}"),
            Stage("q", core.q, "cross_q split_heads"),
            Stage("k", core.k, "cross_kv split_heads"),
            Stage("v", core.v, "cross_kv split_heads"),
            *self.heads.forward(),
            Stage("resid_dropout.out", self.out, f"cross_attention multi_head {OUT} cross_c_proj"),
        ]

    def backward(self) -> list[Stage]:
        """Its lines from dout to dx, dmemory and the gradients of its maps."""
        H, d, heads, own = self.H, self.d, self.heads, "cross_attention_dparams"
        grads = f"({own} {H} 2 3 {d} {self.told} {self.dout})"
        back = "linear_dx_of linear_dx"
        return [
            *heads.backward(H * d),
            *gradients("c_proj", f"(snd {grads})", f"{own} multi_head_dc_proj cross_c_proj"),
            Stage(
                "dqueries",
                f"cross_dqueries {H} 3 {d} {self.told} {self.dout}",
                "cross_dqueries merge_heads",
            ),
            Stage("dkv", f"cross_dkv {H} 2 3 {d} {self.told} {self.dout}", "cross_dkv merge_heads"),
            *gradients("c_q", f"(fst (fst {grads}))", f"{own} c_q"),
            Stage("c_q.dx", self.dx, f"cross_attention_dx {back} c_q"),
            *gradients("c_kv", f"(snd (fst {grads}))", f"{own} c_kv"),
            Stage("c_kv.dx", self.dmemory, f"cross_attention_dmemory {back} c_kv"),
        ]


def theorems() -> Iterator[str]:
    """Two heads of width 2, two positions, three places of the memory, of which one is hidden."""
    w = Writing("cross_attention_code")
    x, memory = w.input("x", 2, 4), w.input("memory", 3, 4)
    c_q, a = a_map(w, "query", 4, 4)
    c_kv, b = a_map(w, "pair", 4, 8)
    c_proj, c = a_map(w, "proj", 4, 4)
    w.pair(
        "cross_attention",
        *(x, memory),
        c_q=c_q,
        c_kv=c_kv,
        c_proj=c_proj,
        n_head=2,
        mask=seen(MASK),
        attn_noise=w.input("attn_noise", 2, 2, 3),
        resid_noise=w.input("noise", 2, 4),
        shared={"ops": REFERENCE},
        gradient=("dout", 2, 4),
        out="resid_dropout.out",
        back=BACK,
    )
    noises = ("attn_noise", "noise")
    at = CrossAttention(2, 2, noises, "x", "memory", f"(({a}, {b}), {c})", "dout")
    yield w.theorem("Cross-attention.", *at.forward(), *at.backward())
