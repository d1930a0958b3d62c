"""GPT-2's feed-forward network."""

from collections.abc import Iterator
from typing import NamedTuple

from linking.layers.activation import Activation
from linking.layers.gelu import ERF, TANH
from linking.layers.linear import MAP, a_map, gradients
from linking.layers.multi_head import OUT
from linking.layers.relu import RELU
from linking.layers.silu import SILU
from linking.writing import Stage, Writing, within
from pellucid.layers import REFERENCE


class FeedForward(NamedTuple):
    """A feed-forward network in the theorem's words: widths, activation, inputs; two positions."""

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
        return f"feed_forward {self.C} {self.F} {self.act.rocq} {self.noise} {self.x} {self.p}"

    @property
    def dx(self) -> str:
        """The gradient of x."""
        return f"feed_forward_dx {self.C} {self.F} {self.told}"

    def forward(self) -> list[Stage]:
        """Its lines."""
        inner, act = f"(inner {self.C} {self.x} {self.p})", self.act
        return [
            Stage("c_fc.out", inner, f"inner c_fc {MAP}"),
            *within("act", act.opening(f"({inner} {{0}} {{1}})")),
            Stage("act.out", f"activate {act.rocq} {inner}", f"activate bend {act.name}"),
            Stage("dropout.out", self.out, f"feed_forward {OUT} mlp_c_proj"),
        ]

    def backward(self) -> list[Stage]:
        """Its lines from dout to dx and the gradients of both maps."""
        C, act, dout = self.C, self.act, f"(dropout_dx {self.noise} {self.dout})"
        grads = f"(feed_forward_dparams 2 {C} {self.told})"
        return [
            *gradients("c_proj", f"(snd {grads})", "feed_forward_dparams", bias=self.bias),
            Stage(
                "c_proj.dx",
                f"(linear_dx_of {C} (mlp_c_proj {self.p}) {dout})",
                "linear_dx_of linear_dx mlp_c_proj dropout_dx",
            ),
            *within("act", act.closing(f"(inner {C} {self.x} {self.p} {{0}} {{1}})")),
            Stage(
                "act.dx",
                f"feed_forward_dinner {C} {self.told}",
                f"feed_forward_dinner activate_dx bend_dx {act.name}_dx mlp_c_proj",
                act.seen,
            ),
            *gradients("c_fc", f"(fst {grads})", "feed_forward_dparams", bias=self.bias),
            Stage(
                "c_fc.dx",
                self.dx,
                "feed_forward_dx linear_dx_of linear_dx c_fc",
            ),
        ]


def theorems() -> Iterator[str]:
    """Two positions, width 2, inner width 3, with noise: each activation, and without biases."""
    for act, bias in ((TANH, True), (ERF, True), (RELU, True), (SILU, True), (TANH, False)):
        name = act.layer if bias else "without_bias"
        w = Writing(f"feed_forward_{name}_code")
        x = w.input("x", 2, 2)
        c_fc, a = a_map(w, "fc", 2, 3, bias=bias)
        c_proj, b = a_map(w, "proj", 3, 2, bias=bias)
        w.pair(
            "feed_forward",
            x,
            c_fc=c_fc,
            c_proj=c_proj,
            noise=w.input("noise", 2, 2),
            shared={"activation": act.pair, "ops": REFERENCE},
            gradient=("dout", 2, 2),
            out="dropout.out",
            back=("c_fc.dx",),
        )
        mlp = FeedForward(2, 3, act, "noise", "x", f"({a}, {b})", "dout", bias)
        title = f"The feed-forward network, {name.replace('_', ' ')}."
        yield w.theorem(title, *mlp.forward(), *mlp.backward())
