"""Llama's feed-forward network."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from linking.layers.activation import Activation
from linking.layers.linear import MAP, a_map, gradients
from linking.layers.multi_head import OUT
from linking.layers.silu import SILU
from linking.writing import Stage, Writing, within
from pellucid.layers import REFERENCE


class GatedFeedForward(NamedTuple):
    """Llama's network in the theorem's words: widths, activation, inputs; two positions."""

    C: int
    F: int
    act: Activation
    noise: str
    x: str
    p: str
    dout: str
    bias: bool = True

    @property
    def told(self) -> str:
        """Activation, noise, inputs and gradient, as the backward's definitions have them."""
        return f"{self.act.rocq} {self.noise} {self.x} {self.p} {self.dout}"

    @property
    def out(self) -> str:
        """What it makes."""
        return (
            f"gated_feed_forward {self.C} {self.F} {self.act.rocq} {self.noise} {self.x} {self.p}"
        )

    @property
    def dx(self) -> str:
        """The gradient of x."""
        return f"gated_feed_forward_dx 2 {self.C} {self.F} {self.told}"

    def forward(self) -> list[Stage]:
        """Its lines."""
        C, act, x, p = self.C, self.act, self.x, self.p
        gate, up = f"gate {C} {x} {p}", f"up {C} {x} {p}"
        return [
            Stage("gate_proj.out", gate, f"gate gate_proj {MAP}"),
            Stage("up_proj.out", up, f"up up_proj {MAP}"),
            *within("act", act.opening(f"({gate} {{0}} {{1}})")),
            Stage("act.out", f"activate {act.rocq} ({gate})", f"activate bend {act.name}"),
            Stage("gated", f"gated {C} {act.rocq} {x} {p}", "gated times"),
            Stage(
                "dropout.out",
                self.out,
                f"gated_feed_forward {OUT} down_proj",
            ),
        ]

    def backward(self) -> list[Stage]:
        """Its lines from dout to dx and the gradients of its maps."""
        C, act = self.C, self.act
        own = "gated_feed_forward_dparams"
        grads = f"({own} 2 {C} {self.told})"
        return [
            *gradients("c_proj", f"(snd {grads})", own, bias=self.bias),
            Stage(
                "dgated",
                f"dgated {C} {self.noise} {self.p} {self.dout}",
                "dgated linear_dx_of linear_dx dropout_dx down_proj",
            ),
            Stage("dup", f"dup {C} {self.told}", "dup times"),
            Stage(
                "act.dx", f"dgate {C} {self.told}", f"dgate activate_dx bend_dx {act.name}_dx times"
            ),
            *gradients("gate_proj", f"(fst (fst {grads}))", own, bias=self.bias),
            *gradients("up_proj", f"(snd (fst {grads}))", own, bias=self.bias),
            Stage(
                "dx",
                self.dx,
                "gated_feed_forward_dx linear_dx_of linear_dx gate_proj up_proj",
            ),
        ]


def gated_maps(w: Writing, down: str = "proj", *, bias: bool = True) -> tuple[dict[str, Any], str]:
    """The three maps, width 2 to 3 and back, and what they are called together."""
    gate, a = a_map(w, "gate", 2, 3, bias=bias)
    up, b = a_map(w, "up", 2, 3, bias=bias)
    c_proj, c = a_map(w, down, 3, 2, bias=bias)
    return {"gate_proj": gate, "up_proj": up, "c_proj": c_proj}, f"(({a}, {b}), {c})"


def theorems() -> Iterator[str]:
    """Two positions, width 2, inner width 3, with SiLU and noise; with biases, and without."""
    for bias in (True, False):
        w = Writing("gated_feed_forward_code" if bias else "gated_feed_forward_without_bias_code")
        x, (maps, p) = w.input("x", 2, 2), gated_maps(w, bias=bias)
        w.pair(
            "gated_feed_forward",
            x,
            **maps,
            noise=w.input("noise", 2, 2),
            shared={"activation": SILU.pair, "ops": REFERENCE},
            gradient=("dout", 2, 2),
            out="dropout.out",
        )
        mlp = GatedFeedForward(2, 3, SILU, "noise", "x", p, "dout", bias)
        yield w.theorem(
            f"Llama's feed-forward network, {'with' if bias else 'without'} biases.",
            *mlp.forward(),
            *mlp.backward(),
        )
