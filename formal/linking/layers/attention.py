"""GPT-2's self-attention."""

from collections.abc import Iterator
from typing import NamedTuple

from linking.fixed import CAUSAL, seen
from linking.layers.linear import MAP, a_map, gradients
from linking.layers.multi_head import OUT, MultiHead
from linking.layers.scaled_dot_product import Attention
from linking.writing import Stage, Writing
from pellucid.layers import REFERENCE


class SelfAttention(NamedTuple):
    """GPT-2's attention in the theorem's words: H heads of width d, two positions."""

    H: int
    d: int
    noises: tuple[str, str]
    x: str
    p: str
    dout: str
    bias: bool = True

    @property
    def told(self) -> str:
        """Sizes, mask, noises, input and parameters, as all definitions have them."""
        return f"{self.H} 2 {self.d} {CAUSAL} {' '.join(self.noises)} {self.x} {self.p}"

    @property
    def heads(self) -> MultiHead:
        """What it is made of."""
        q, k, v = (f"(heads_of {self.H} {self.d} {i} {self.x} {self.p})" for i in range(3))
        width, (attn_noise, noise) = self.H * self.d, self.noises
        c_proj = f"(attn_c_proj {self.p})"
        dz = f"(multi_head_dz {width} {self.d} {noise} {c_proj} {self.dout})"
        core = Attention(2, 2, self.d, CAUSAL, attn_noise, q, k, v, dz)
        return MultiHead(core, noise, c_proj, self.dout, "attn_c_proj")

    @property
    def out(self) -> str:
        """What it makes."""
        return f"attention {self.told}"

    @property
    def dx(self) -> str:
        """The gradient of x."""
        return f"attention_dx {self.told} {self.dout}"

    def forward(self) -> list[Stage]:
        """Its lines from the map to q, k and v side by side to what it adds to the stream."""
        core = self.heads.core
        return [
            Stage("c_attn.out", f"qkv {self.H} {self.d} {self.x} {self.p}", f"qkv c_attn {MAP}"),
            *(
                Stage(name, text, "heads_of split_heads")
                for name, text in (("q", core.q), ("k", core.k), ("v", core.v))
            ),
            *self.heads.forward(),
            Stage(
                "resid_dropout.out",
                self.out,
                f"attention multi_head {OUT} attn_c_proj",
            ),
        ]

    def backward(self) -> list[Stage]:
        """Its lines from dout to dx and the gradients of both maps."""
        heads = self.heads
        grads = f"(attention_dparams {self.told} {self.dout})"
        return [
            *heads.backward(self.H * self.d),
            *gradients(
                "c_proj",
                f"(snd {grads})",
                "attention_dparams multi_head_dc_proj attn_c_proj",
                bias=self.bias,
            ),
            Stage(
                "dqkv",
                f"attention_dqkv {self.told} {self.dout}",
                "attention_dqkv merge_heads three attn_c_proj",
            ),
            *gradients("c_attn", f"(fst {grads})", "attention_dparams c_attn", bias=self.bias),
            Stage(
                "c_attn.dx",
                self.dx,
                "attention_dx linear_dx_of linear_dx c_attn",
            ),
        ]


def theorems() -> Iterator[str]:
    """Two heads of width 2, two positions, causal, with noise; without biases heads of width 1."""
    for bias, d in ((True, 2), (False, 1)):
        w, C = Writing("attention_code" if bias else "attention_without_bias_code"), 2 * d
        x = w.input("x", 2, C)
        c_attn, a = a_map(w, "attn", C, 3 * C, bias=bias)
        c_proj, b = a_map(w, "proj", C, C, bias=bias)
        w.pair(
            "attention",
            x,
            c_attn=c_attn,
            c_proj=c_proj,
            n_head=2,
            mask=seen(CAUSAL),
            attn_noise=w.input("attn_noise", 2, 2, 2),
            resid_noise=w.input("noise", 2, C),
            shared={"ops": REFERENCE},
            gradient=("dout", 2, C),
            out="resid_dropout.out",
            back=("c_attn.dx",),
        )
        at = SelfAttention(2, d, ("attn_noise", "noise"), "x", f"({a}, {b})", "dout", bias)
        yield w.theorem(
            f"GPT-2's self-attention, {'with' if bias else 'without'} biases.",
            *at.forward(),
            *at.backward(),
        )
