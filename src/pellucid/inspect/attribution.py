"""Direct attribution: the difference of two logits as a sum over what was added to the stream.

The residual stream is a sum, and the head reads it through the last norm alone. With the norm's
scale as it was in the run, that reading is linear, and each term of the sum has a part of its own.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.models import CausalModel
from pellucid.tape import Tape
from pellucid.tree import Tree

Part = Literal["embedding", "head", "feed-forward", "bias"]
"""What can add to the stream."""


class Contribution(NamedTuple):
    """What one term of the stream adds to the difference of two logits."""

    name: str
    """Of the value on the tape, or of the parameter: `h.3.attn.z[4]`, `h.3.attn.c_proj.bias`."""

    part: Part
    value: float
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True)
class Attribution:
    """A difference of two logits, and the terms that add up to it, in the order of the run."""

    first: int
    second: int
    difference: float
    contributions: tuple[Contribution, ...]

    @property
    def total(self) -> float:
        """The sum of all terms: the difference, but for rounding in the run's own dtype."""
        return math.fsum(one.value for one in self.contributions)

    def of(self, part: Part) -> tuple[Contribution, ...]:
        """The terms of one part, such as all heads."""
        return tuple(one for one in self.contributions if one.part == part)

    @cached_property
    def heads(self) -> Tensor:
        """The heads' terms as a table (L, H), in float64."""
        values = [one.value for one in self.of("head")]
        depth = len({one.layer for one in self.of("head")})
        return torch.tensor(values, dtype=torch.float64).reshape(depth, -1)

    @cached_property
    def feed_forwards(self) -> Tensor:
        """The feed-forward networks' terms (L,), in float64."""
        return torch.tensor([one.value for one in self.of("feed-forward")], dtype=torch.float64)


def attribution(
    model: CausalModel, tape: Tape, first: int, second: int, position: int = -1
) -> Attribution:
    """How much each head and the rest add to logit[first] − logit[second] at a position.

    It is log p(first) − log p(second) too: what all logits share, the softmax divides away. With
    d = W_u[first] − W_u[second], the last norm's output γ (x − mean(x)) rstd + β and x the stream,

        logit[first] − logit[second] = d · β + u · x,   u = rstd (γ d − mean(γ d)),

    where rstd stays what it was in the run: the sum is exact, and says nothing of what a term does
    to the norm or to later blocks. RMS norms have no means and no β. In a block with its norms
    before, x is the embedding + Σ (heads + bias) + Σ feed-forward, and a head's term is

        u · (z[h] W_o[h]),   z[h] what it gathered, W_o[h] its rows of `c_proj`.

    Where norms stand after each sum (GPT-1), u goes back through each as through the last one, and
    each β is a term as well. Computed in float64 from what ran. A head of queries has a term of
    its own also where several share their keys.

    Shapes: z (H, T, d), `c_proj.weight` (H·d, C), the stream (T, C), W_u (V, C).
    Source: Elhage et al. 2021, "A mathematical framework for transformer circuits", "Residual
    stream"; Wang et al. 2022, "Interpretability in the wild", 3.1 and appendix.

    Raises `TraceError` for a batch, a position outside the text, or a run whose stream was changed
    by dropout or by hand; attention may have been.
    """
    _check(tape, position)
    table = (model.params.get("lm_head") or model.params["wte"])["weight"]
    direction = table[first].double() - table[second].double()  # (C,)
    logits = tape.value("logits")[position].double()
    backward = tuple(_terms(model, tape, direction, position))
    difference = float(logits[first] - logits[second])
    return Attribution(first, second, difference, backward[::-1])


def _terms(model: CausalModel, tape: Tape, u: Tensor, position: int) -> Iterator[Contribution]:
    """The terms from the last to the first, as the direction goes back along the stream."""

    def at(name: str) -> Tensor:
        return _double(tape.value(name)[position])

    def back(name: str, params: Tree, u: Tensor) -> tuple[Tensor, list[Contribution]]:
        """u before a norm, and the term of what the norm adds itself."""
        scaled = u * _double(params["weight"])
        if f"{name}.mean" in tape:
            scaled = scaled - scaled.mean()
        bias = params.get("bias")
        own = [] if bias is None else [Contribution(f"{name}.bias", "bias", _dot(u, bias))]
        return scaled * at(f"{name}.rstd"), own

    if "ln_f" in model.params:
        u, own = back("ln_f", model.params["ln_f"], u)
        yield from own
    for layer in reversed(range(model.config.n_layer)):
        block, place = model.params["h"][str(layer)], f"h.{layer}"
        after = f"{place}.sum_1" in tape  # the norms stand after the sums
        if after:
            u, own = back(f"{place}.ln_2", block["ln_2"], u)
            yield from own
        name = f"{place}.mlp.c_proj.out"
        yield Contribution(name, "feed-forward", _dot(u, at(name)), layer)
        if after:
            u, own = back(f"{place}.ln_1", block["ln_1"], u)
            yield from own
        out = block["attn"]["c_proj"]
        if "bias" in out:
            yield Contribution(f"{place}.attn.c_proj.bias", "bias", _dot(u, out["bias"]), layer)
        z = _double(tape.value(f"{place}.attn.z")[:, position])  # (H, d)
        read = projected_back(out, u).reshape(z.shape)  # (H, d)
        values = (z * read).sum(-1).tolist()
        for head, value in reversed(list(enumerate(values))):
            yield Contribution(f"{place}.attn.z[{head}]", "head", value, layer, head)
    for name in ("wpe.rows", "embed.out"):
        if name in tape:
            yield Contribution(name, "embedding", _dot(u, at(name)))


def projected_back(c_proj: Tree, u: Tensor) -> Tensor:
    """W u, where W (H·d, C) is what the heads' outputs are multiplied by, LoRA's pair included."""
    back = _double(c_proj["weight"]) @ u
    if "lora_a" in c_proj:
        back = back + _double(c_proj["lora_a"]) @ (_double(c_proj["lora_b"]) @ u)
    return back


def _dot(u: Tensor, value: Tensor) -> float:
    return float(u @ _double(value))


def _double(value: Tensor) -> Tensor:
    return value.detach().double()


def _check(tape: Tape, position: int) -> None:
    """Raise `TraceError` where the stream is no sum of what stands on the tape, or has no place."""
    logits = tape.value("logits")
    length = logits.shape[-2]
    if logits.dim() != 2 or not -length <= position < length:
        raise TraceError(
            f"attribution is at one position of one text, and position {position} of logits "
            f"{tuple(logits.shape)} is none: run one text, and count from 0 to {length - 1}, or "
            "from its end by -1"
        )
    changed = [
        name
        for name in tape
        if name.endswith(("dropout.noise", "drop.noise", "intervened.out"))
        and ".attn_dropout." not in name
    ]
    if changed:
        raise TraceError(
            f"attribution is of a stream that is the sum of what was made, and {changed[0]} "
            "changed it: run the model without dropout, and without interventions but in attention"
        )
