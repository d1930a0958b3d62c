"""Llama's self-attention."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from linking.fixed import CAUSAL, seen
from linking.layers.linear import MAP, a_map, gradients
from linking.layers.multi_head import OUT, MultiHead
from linking.layers.scaled_dot_product import Attention
from linking.writing import Stage, Writing
from pellucid.layers import REFERENCE

PREPARE = "prepare prepare_dx prepare_dparams prepared_twice normed turned as_they_are"
OWN = "grouped_attention_dparams"


class GroupedAttention(NamedTuple):
    """Llama's attention in the theorem's words: heads of width 2, two on one of keys; width 2.

    Queries and keys are normed where there are gains, and turned or not.
    """

    x: str
    maps: tuple[str, ...]
    dout: str
    gains: tuple[str, ...] = ()
    turned: bool = True
    bias: bool = True

    @property
    def kind(self) -> str:
        """The space of a preparation's parameters; turning has none: a vector of width 0."""
        return "(Prod (Vector 2) (Vector 0))" if self.gains else "(Vector 0)"

    @property
    def p(self) -> str:
        """All parameters."""
        q, k, v, c_proj = self.maps
        prepared = ", ".join(map(self.prepared_by, range(2)))
        return f"((({q}, {k}), ({v}, {c_proj})), ({prepared}))"

    def prepared_by(self, at: int) -> str:
        """The parameters of the preparation of queries, 0, or keys, 1."""
        return f"({self.gains[at]}, nothing)" if self.gains else "nothing"

    def of(self, heads: int) -> str:
        """What is done to queries or keys before they are compared."""
        turned = f"(turned {heads} 2 1 cosines sines)"
        last = turned if self.turned else f"(as_they_are {heads} 2 2)"
        return f"(prepared_twice (normed {heads} 2 2 eps) {last})" if self.gains else last

    @property
    def told(self) -> str:
        """Sizes, mask, noises, preparations, input and parameters, as all definitions have them."""
        of_q, of_k = self.of(2), self.of(1)
        return f"1 2 2 2 2 {CAUSAL} attn_noise noise {of_q} {of_k} {self.x} {self.p}"

    @property
    def out(self) -> str:
        """What it makes."""
        return f"grouped_attention {self.told}"

    @property
    def dx(self) -> str:
        """The gradient of x."""
        return f"grouped_attention_dx {self.told} {self.dout}"

    def rows(self, name: str) -> str:
        """The heads of q, k or v as the maps made them."""
        return f"(@{name}_heads 2 2 {self.kind} {self.kind} {self.x} {self.p})"

    @property
    def grads(self) -> str:
        """The gradients of all parameters."""
        return f"({OWN} {self.told} {self.dout})"

    @property
    def heads(self) -> MultiHead:
        """What it is made of."""
        kinds, inputs = f"{self.kind} {self.kind}", f"{self.x} {self.p}"
        q = f"(@q_of 1 2 2 2 2 {kinds} {self.of(2)} {inputs})"
        k = f"(@k_of 1 2 2 2 2 {kinds} {self.of(1)} {inputs})"
        v = f"(@v_of 2 2 2 {kinds} {inputs})"
        dz = f"(@grouped_dz 2 2 noise {kinds} {self.p} {self.dout})"
        shared = "k_of v_of repeat_heads of_k_params"
        core = Attention(2, 2, 2, CAUSAL, "attn_noise", q, k, v, dz, shared)
        return MultiHead(core, "noise", self.maps[3], self.dout, "grouped_dz grouped_c_proj")

    def forward(self) -> list[Stage]:
        """Its lines: the three maps, their rows normed and turned, then attention."""
        keys = f"prepare {self.of(1)} {self.rows('k')} {self.prepared_by(1)}"
        gains = zip("qk", self.gains, strict=False)
        return [
            *(
                Stage(f"{n}_heads", self.rows(n), f"{n}_heads {n}_proj split_heads {MAP}")
                for n in "qkv"
            ),
            *(stage for n, gain in gains for stage in self.normed(n, gain)),
            Stage("q", self.heads.core.q, f"q_of of_q_params rotary {PREPARE}"),
            Stage("k_rope.out" if self.turned else "k_heads", keys, f"rotary {PREPARE}"),
            *self.heads.forward(),
            Stage(
                "resid_dropout.out",
                self.out,
                f"grouped_attention multi_head {OUT} grouped_c_proj",
            ),
        ]

    def normed(self, name: str, gain: str) -> list[Stage]:
        """The lines of the norm of queries or keys."""
        heads = self.rows(name)
        row = f"({heads} {{0}} {{1}})"
        return [
            Stage(f"{name}_norm.rstd", f"rms_rstd 2 eps {row}", "rms_rstd"),
            Stage(f"{name}_norm.xhat", f"rms_xhat 2 eps {row} {{2}}", "rms_xhat"),
            Stage(
                f"{name}_norm.out",
                f"rms_norm 2 eps ({heads} {{0}}) {gain} {{1}} {{2}}",
                "rms_norm",
            ),
        ]

    def back(self, name: str) -> str:
        """The gradient of q, k or v as attention hands it back."""
        return f"(grouped_d{name} {self.told} {self.dout})"

    def backward(self) -> list[Stage]:
        """Its lines from dout to dx and the gradients of its maps and norms."""
        grads = self.grads
        arrays = (("q", "dq"), ("k", "k_repeat.dx"), ("v", "v_repeat.dx"))
        return [
            *self.heads.backward(2),
            *gradients(
                "c_proj",
                f"(snd (snd (fst {grads})))",
                f"{OWN} multi_head_dc_proj",
                bias=self.bias,
            ),
            *(Stage(array, self.back(n), f"grouped_d{n} repeat_heads_dx") for n, array in arrays),
            *self.unprepared("q", 0),
            *self.unprepared("k", 1),
            *self.unmapped("q", "fst (fst"),
            *self.unmapped("k", "snd (fst"),
            *self.unmapped("v", "fst (snd"),
            Stage(
                "dx",
                self.dx,
                "grouped_attention_dx linear_dx_of linear_dx q_proj k_proj v_proj",
            ),
        ]

    def unprepared(self, name: str, at: int) -> list[Stage]:
        """The lines back through the turning and the norm of queries, 0, or keys, 1."""
        back, lines = f"({self.back(name)} {{0}})", []
        if self.turned:
            back = f"(rotary_dx 1 cosines sines {back})"
            lines.append(Stage(f"{name}_rope.dx", f"{back} {{1}} {{2}}", "rotary_dx"))
        if not self.gains:
            return lines
        place, rows = ("fst", "snd")[at], f"({self.rows(name)} {{0}})"
        return [
            *lines,
            Stage(
                f"{name}_norm.dweight",
                f"fst ({place} (snd {self.grads})) {{0}}",
                f"{OWN} {PREPARE} heads_dweight rms_norm_dweight",
            ),
            Stage(
                f"{name}_norm.dx",
                f"rms_norm_dx 2 eps {rows} {self.gains[at]} {back} {{1}} {{2}}",
                "rms_norm_dx",
            ),
        ]

    def unmapped(self, name: str, place: str) -> list[Stage]:
        """The lines back to the rows that a map made, and its gradients."""
        unfold = f"d{name}_rows merge_heads of_q_params of_k_params {PREPARE}"
        return [
            Stage(f"d{name}_rows", f"d{name}_rows {self.told} {self.dout}", unfold),
            *gradients(f"{name}_proj", f"({place} (fst {self.grads})))", OWN, bias=self.bias),
        ]


class Kind(NamedTuple):
    """A kind of Llama's attention: with biases, normed, turned, or not."""

    name: str
    title: str
    bias: bool
    normed: bool
    turned: bool


KINDS = (
    Kind("grouped_attention", "as in Qwen3, and with biases", bias=True, normed=True, turned=True),
    Kind("turned_attention", "as in Llama", bias=False, normed=False, turned=True),
    Kind("bare_attention", "without positions", bias=False, normed=False, turned=False),
)


def grouped_inputs(w: Writing, kind: Kind) -> tuple[dict[str, Any], GroupedAttention]:
    """What two heads of queries on one of keys are given, and the same in the theorem's words."""
    sizes = {"q_proj": ("query", 2, 4), "k_proj": ("key", 2, 2), "v_proj": ("value", 2, 2)}
    maps = {
        key: a_map(w, *size, bias=kind.bias)
        for key, size in (sizes | {"c_proj": ("proj", 4, 2)}).items()
    }
    w.also("nothing", "nat -> R")
    told: dict[str, Any] = {key: parameters for key, (parameters, _) in maps.items()}
    if kind.normed:
        told |= {f"{n}_norm": {"weight": w.input(f"{n}_gain", 2)} for n in "qk"}
    angles = {"cos": "cosines", "sin": "sines"}
    told |= {key: w.input(name, 2, 1) if kind.turned else None for key, name in angles.items()}
    told |= {"n_head": 2, "n_kv_head": 1, "mask": seen(CAUSAL), "eps": w.input("eps")}
    told |= {"attn_noise": w.input("attn_noise", 2, 2, 2), "resid_noise": w.input("noise", 2, 2)}
    gains = ("q_gain", "k_gain") if kind.normed else ()
    names = tuple(name for _, name in maps.values())
    return told, GroupedAttention("x", names, "dout", gains, kind.turned, kind.bias)


def theorems() -> Iterator[str]:
    """Two positions, width 2, two heads of width 2 on one of keys: each kind."""
    for kind in KINDS:
        w = Writing(f"{kind.name}_code")
        x = w.input("x", 2, 2)
        told, at = grouped_inputs(w, kind)
        w.pair(
            "grouped_attention",
            x,
            **told,
            shared={"ops": REFERENCE},
            gradient=("dout", 2, 2),
            out="resid_dropout.out",
        )
        title = f"Llama's self-attention, {kind.title}."
        yield w.theorem(title, *at.forward(), *at.backward())
