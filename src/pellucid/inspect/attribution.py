"""Direct attribution: a logit, or the difference of two, as a sum over what made the stream.

The residual stream is a sum, and the head reads it through the last norm alone. With the norm's
scale as it was in the run, that reading is linear, and each term of the sum has a part of its own.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import TraceError
from pellucid.models import CausalModel
from pellucid.tape import Tape
from pellucid.tree import Tree

_TO_STREAM = re.compile(r"(embed|wpe|ln_f|h\.\d+(\.(attn|mlp)\.c_proj)?)\.intervened\.out")
"""Where what is added by hand is added to the stream, or to what the head reads."""

Part = Literal["embedding", "head", "feed-forward", "bias", "added"]
"""What can add to the stream."""


class Contribution(NamedTuple):
    """What one term of the stream adds to a logit, or to the difference of two."""

    name: str
    """Of the value on the tape, or of the parameter: `h.3.attn.z[4]`, `h.3.attn.c_proj.bias`."""

    part: Part
    value: float
    layer: int | None = None
    head: int | None = None


class StreamTerm(NamedTuple):
    """What one term of the stream adds at several positions, and how it is read there.

    `values` (n,) are its parts, `read` the directions by which they come: of a head (n, d) by what
    it gathered, else (n, C) by what is added to the stream; all in float64.
    """

    name: str
    part: Part
    values: Tensor
    read: Tensor
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True)
class Attribution:
    """A logit or a difference of two, and the terms that add up to it, in the order of the run."""

    first: int
    second: int | None
    """None where it is the first one's logit alone."""
    difference: float
    contributions: tuple[Contribution, ...]
    reads: Mapping[int, Tensor] = field(default_factory=dict, repr=False, compare=False)
    """For each layer the direction (C,) in which what its feed-forward network adds counts."""

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
    model: CausalModel, tape: Tape, first: int, second: int | None = None, position: int = -1
) -> Attribution:
    """How much each head and the rest add to a logit, or to logit[first] − logit[second].

    The difference is log p(first) − log p(second) too: what all logits share, the softmax divides
    away, and a single logit has that in it. With d = W_u[first] − W_u[second], or W_u[first] alone,
    the last norm's output γ (x − mean(x)) rstd + β and x the stream,

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
    by dropout or set by hand. Attention may have been, and what was added to the stream is a term.
    """
    logits = tape.value("logits")
    check_one_place(tape, position)
    terms = list(logit_terms(model, tape, first, second, position))[::-1]
    row = logits[position].double()
    difference = row[first] if second is None else row[first] - row[second]
    return Attribution(
        first,
        second,
        float(difference),
        tuple(
            Contribution(one.name, one.part, float(one.values[0]), one.layer, one.head)
            for one in terms
        ),
        {
            one.layer: one.read[0]
            for one in terms
            if one.part == "feed-forward" and one.layer is not None
        },
    )


def neurons(
    model: CausalModel, tape: Tape, found: Attribution, layer: int, position: int
) -> Tensor:
    """What each neuron of a feed-forward network adds to what was attributed at the position (F,).

    A neuron's term is its inner value times u · its row of `c_proj`. Together with u · the bias, if
    there is one, they are the network's term.
    """
    c_proj = model.params["h"][str(layer)]["mlp"]["c_proj"]
    inner = _double(tape.value(f"h.{layer}.mlp.c_proj.x")[position])
    return inner * projected_back(c_proj, found.reads[layer])


def logit_terms(
    model: CausalModel, tape: Tape, first: int, second: int | None, position: int
) -> Iterator[StreamTerm]:
    """The terms of a logit, or of the difference of two, from the last to the first."""
    table = (model.params.get("lm_head") or model.params["wte"])["weight"]
    u = _double(table[first])[None]  # (1, C)
    if second is not None:
        u = u - _double(table[second])
    rows = torch.tensor([position])
    if "ln_f" in model.params:
        yield from _added(tape, "ln_f", u, rows)
        u, own = through_norm(tape, "ln_f", model.params["ln_f"], u, rows)
        yield from own
    yield from stream_terms(model, tape, u, rows, model.config.n_layer)


def stream_terms(
    model: CausalModel, tape: Tape, u: Tensor, rows: Tensor, depth: int
) -> Iterator[StreamTerm]:
    """The terms of the stream out of the first `depth` blocks, from the last to the first.

    Shapes: u (n, C), a direction for each of the positions `rows` (n,).
    """

    def dot(value: Tensor) -> Tensor:
        return (u * _double(value)).sum(-1)

    for layer in reversed(range(depth)):
        block, place = model.params["h"][str(layer)], f"h.{layer}"
        after = f"{place}.sum_1" in tape  # the norms stand after the sums
        yield from _added(tape, place, u, rows)
        if after:
            u, own = through_norm(tape, f"{place}.ln_2", block["ln_2"], u, rows)
            yield from own
        name = f"{place}.mlp.c_proj.out"
        yield from _added(tape, f"{place}.mlp.c_proj", u, rows)
        yield StreamTerm(name, "feed-forward", dot(tape.value(name)[rows]), u, layer)
        if after:
            u, own = through_norm(tape, f"{place}.ln_1", block["ln_1"], u, rows)
            yield from own
        out = block["attn"]["c_proj"]
        yield from _added(tape, f"{place}.attn.c_proj", u, rows)
        if "bias" in out:
            yield StreamTerm(f"{place}.attn.c_proj.bias", "bias", dot(out["bias"]), u, layer)
        z = _double(tape.value(f"{place}.attn.z")[:, rows])  # (H, n, d)
        read = projected_back(out, u.mT).mT.unflatten(-1, (len(z), -1)).transpose(0, 1)  # (H, n, d)
        values = (z * read).sum(-1)  # (H, n)
        for head in reversed(range(len(z))):
            yield StreamTerm(
                f"{place}.attn.z[{head}]", "head", values[head], read[head], layer, head
            )
    for name in ("wpe.rows", "embed.out"):
        if name in tape:
            yield from _added(tape, name.partition(".")[0], u, rows)
            yield StreamTerm(name, "embedding", dot(tape.value(name)[rows]), u)


def _added(tape: Tape, path: str, u: Tensor, rows: Tensor) -> Iterator[StreamTerm]:
    """What was added to the stream by hand beside what was made at that path."""
    name = f"{path}.intervened.rows"
    if name in tape:
        yield StreamTerm(name, "added", (u * _double(tape.value(name)[rows])).sum(-1), u)


def through_norm(
    tape: Tape, name: str, params: Tree, u: Tensor, rows: Tensor
) -> tuple[Tensor, list[StreamTerm]]:
    """u before a norm, whose scale is the run's, and the term of what the norm adds itself."""
    scaled = u * _double(params["weight"])
    if f"{name}.mean" in tape:
        scaled = scaled - scaled.mean(-1, keepdim=True)
    bias = params.get("bias")
    own = (
        [] if bias is None else [StreamTerm(f"{name}.bias", "bias", (u * _double(bias)).sum(-1), u)]
    )
    return scaled * _double(tape.value(f"{name}.rstd")[rows]), own


def projected_back(c_proj: Tree, u: Tensor) -> Tensor:
    """W u, where W (…, C) is what a map to the stream multiplies by, LoRA's pair included."""
    back = _double(c_proj["weight"]) @ u
    if "lora_a" in c_proj:
        back = back + _double(c_proj["lora_a"]) @ (_double(c_proj["lora_b"]) @ u)
    return back


def _double(value: Tensor) -> Tensor:
    return value.detach().double()


def check_one_place(tape: Tape, position: int) -> None:
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
        and not (name.startswith("d") and name[1:] in tape)  # its gradient
        and not (_TO_STREAM.fullmatch(name) and f"{name.removesuffix('out')}rows" in tape)
    ]
    if changed:
        raise TraceError(
            f"attribution is of a stream that is the sum of what was made, and {changed[0]} "
            "changed it: run the model without dropout, and without interventions but in attention"
        )
