"""Paths: by which heads, from which tokens, the strongest parts of a logit came.

A logit is a sum of what made the stream, and what a head gathered is a sum over the places that it
looked at, each of which is a stream again. So a part can be followed from head to head. An MLP is
no sum of what it reads: a path ends there, or at an embedding.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from pellucid.inspect.attribution import (
    Part,
    StreamTerm,
    check_one_place,
    logit_terms,
    stream_terms,
    through_norm,
)
from pellucid.models import CausalModel
from pellucid.tape import Tape
from pellucid.tree import Tree

MOST = 40
"""How many nodes at most, the answer's own among them."""


class PathNode(NamedTuple):
    """The answer, or a term of a stream at one position; `value` is what came by it.

    `rest` is what of that value no edge into it has: of a head the terms that were too small, and
    biases; of what no path goes beyond, all of it.
    """

    name: str
    part: Part | Literal["answer"]
    position: int
    value: float
    rest: float
    layer: int | None = None
    head: int | None = None


class PathEdge(NamedTuple):
    """What the node `start` adds to what came by the node `end`; both by their numbers."""

    start: int
    end: int
    value: float


@dataclass(frozen=True)
class StreamPaths:
    """A logit or a difference of two, and the nodes and edges by which most of it came.

    The first node is the answer. The edges into a node and its `rest` add up to its value, and so
    do the edges out of any other node; so all rests add up to the answer.
    """

    first: int
    second: int | None
    nodes: tuple[PathNode, ...]
    edges: tuple[PathEdge, ...]


@dataclass
class _Open:
    """A node that others read from; of a head `read` (d,) says in which direction."""

    name: str
    part: Part | Literal["answer"]
    position: int
    layer: int | None = None
    head: int | None = None
    read: Tensor | None = None
    value: float = 0.0


def stream_paths(
    model: CausalModel,
    tape: Tape,
    first: int,
    second: int | None = None,
    position: int = -1,
    *,
    least: float = 0.1,
) -> StreamPaths:
    """Follow the terms of a logit or of a difference of two back, from head to head.

    A term is followed where it is at least `least` of the largest term of the answer itself. With
    the attention and the scales of norms as they were in the run, what a head h gathered is

        r · z[h, t] = Σ_s att[h, t, s] (r · v[h, s]),   v[h, s] = ln(x_s) W_v[h] + b_v[h],

    and x_s, the stream into the block at s, a sum in its turn: see `attribution`. What queries and
    keys do, where a head looks, is not in the sum.

    Source: Elhage et al. 2021, "A mathematical framework for transformer circuits", "virtual
    attention heads"; Ferrando and Voita 2024, "Information flow routes".

    Raises what `attribution` does.
    """
    check_one_place(tape, position)
    logits = tape.value("logits")
    position %= len(logits)
    row = logits[position].double()
    value = float(row[first] if second is None else row[first] - row[second])
    terms = list(logit_terms(model, tape, first, second, position))
    largest = max(float(one.values[0].abs()) for one in terms)
    graph = _Graph([_Open("logits", "answer", position, value=value)], least * largest)
    graph.follow(0, terms, torch.tensor([position]))
    for layer in reversed(range(model.config.n_layer)):
        # Whatever reads from a head of this layer is in a later one, and has said how by now.
        for number in [at for at, one in enumerate(graph.nodes) if one.layer == layer]:
            if graph.nodes[number].part == "head":
                read, rows = _sources(model, tape, graph.nodes[number])
                graph.follow(number, list(stream_terms(model, tape, read, rows, layer)), rows)
    return StreamPaths(first, second, tuple(graph.finished()), tuple(graph.edges))


@dataclass
class _Graph:
    """What was found so far; a term counts where it is at least `smallest`."""

    nodes: list[_Open]
    smallest: float
    edges: list[PathEdge] = field(default_factory=list)
    places: dict[tuple[str, int], int] = field(default_factory=dict)

    def follow(self, end: int, terms: list[StreamTerm], rows: Tensor) -> None:
        """Add edges into a node, and the nodes that they come from, the largest terms first."""
        found = [
            (float(value), term, place)
            for term in terms
            if term.part != "bias"
            for place, value in enumerate(term.values)
            if abs(float(value)) >= self.smallest
        ]
        for value, term, place in sorted(found, key=lambda one: -abs(one[0])):
            position = int(rows[place])
            key = term.name, position
            if key not in self.places:
                if len(self.nodes) == MOST:
                    continue
                self.places[key] = len(self.nodes)
                self.nodes.append(_Open(term.name, term.part, position, term.layer, term.head))
            node = self.nodes[self.places[key]]
            node.value += value
            if term.part == "head":
                read = term.read[place]
                node.read = read if node.read is None else node.read + read
            self.edges.append(PathEdge(self.places[key], end, value))

    def finished(self) -> Iterator[PathNode]:
        """The nodes with their rests."""
        for number, one in enumerate(self.nodes):
            came = math.fsum(edge.value for edge in self.edges if edge.end == number)
            rest = one.value - came
            yield PathNode(one.name, one.part, one.position, one.value, rest, one.layer, one.head)


def _sources(model: CausalModel, tape: Tape, node: _Open) -> tuple[Tensor, Tensor]:
    """How the streams that a head looked at were read (n, C), and where they stand (n,)."""
    assert node.layer is not None
    assert node.head is not None
    assert node.read is not None
    path, block = f"h.{node.layer}", model.params["h"][str(node.layer)]
    table = f"{path}.attn.kept" if f"{path}.attn.kept" in tape else f"{path}.attn.att"
    looked = tape.value(table)[node.head, node.position].detach().double()  # (S,)
    rows = looked.nonzero().flatten()
    back = _values_back(block["attn"], node.head, model.config.n_head, node.read)  # (C,)
    read = looked[rows, None] * back
    if f"{path}.sum_1" not in tape:  # the norm stands before attention
        read, _ = through_norm(tape, f"{path}.ln_1", block["ln_1"], read, rows)
    return read, rows


def _values_back(attn: Tree, head: int, heads: int, read: Tensor) -> Tensor:
    """W_v[h] r (C,): how what a head looked at is read, by how what it gathered is."""
    shared = "v_proj" in attn
    params = attn["v_proj" if shared else "c_attn"]
    columns, size = params["weight"].shape[-1], len(read)
    begin = head * (columns // size) // heads * size if shared else columns // 3 * 2 + head * size
    own = slice(begin, begin + size)
    back: Tensor = params["weight"][:, own].double() @ read
    if "lora_a" in params:
        back = back + params["lora_a"].double() @ (params["lora_b"][:, own].double() @ read)
    return back
