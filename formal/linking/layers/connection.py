"""Blocks: parts one after another, each beside a residual connection with its norm.

A block's values are the stream's, so that its parts' definitions say what the parts make of it.
What the theorem is about are the general blocks, of which these values are said to be at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from linking.writing import Stage, Writing, within


class Part(Protocol):
    """A norm or a part of a block in the theorem's words, on its input and its gradient."""

    @property
    def out(self) -> str:
        """What it makes."""

    @property
    def dx(self) -> str:
        """The gradient of its input."""

    def forward(self) -> list[Stage]:
        """Its lines."""

    def backward(self) -> list[Stage]:
        """Its lines."""


class Connection(NamedTuple):
    """A residual connection: names on the tape, and its norm and part on an input and a gradient.

    `dx` is where the part shows the gradient of its input.
    """

    x: str
    ln: str
    sum: str
    out: str
    norm: Callable[[str, str], Part]
    name: str
    part: Callable[[str, str], Part]
    dx: str


class Stream:
    """The residual stream of a block at width 2, two positions, through its connections."""

    def __init__(self, w: Writing, place: str, connections: Sequence[Connection]) -> None:
        self.w = w
        self.place = place
        self.connections = connections
        self.named: list[str] = []

    def value(self, array: str, text: str, unfold: str = "") -> Stage:
        """A value of the block gets a name, by which all that follows speaks of it."""
        name = self.w.define(array.replace(".", "_"), "matrix", text)
        self.named.append(name)
        return Stage(array, name, f"{name} {unfold}")

    def stages(self, x: str, dout: str) -> list[Stage]:
        """All lines, forward and backward."""
        into, forward = {}, []
        for at in self.connections:
            into[at.name], stages = self.forward(at, x)
            forward += stages
            x = at.out
        backward = []
        for at in reversed(self.connections):
            dout, stages = self.backward(at, into[at.name], dout)
            backward += stages
        return forward + backward

    def forward(self, at: Connection, x: str) -> tuple[tuple[str, str], list[Stage]]:
        """What norm and part are given, and the lines of both."""
        if self.place == "pre":
            norm = at.norm(x, "")
            normed = self.value(f"{at.ln}.out", norm.out)
            part = at.part(normed.text, "")
            out = self.value(at.out, f"plus 2 2 {x} ({part.out})", "plus")
            lines = [*within(at.ln, norm.forward()), normed, *within(at.name, part.forward())]
            return (x, normed.text), [*lines, out]
        part = at.part(x, "")
        total = self.value(at.sum, f"plus 2 2 {x} ({part.out})", "plus")
        norm = at.norm(total.text, "")
        out = self.value(at.out, norm.out)
        lines = [*within(at.name, part.forward()), total, *within(at.ln, norm.forward())]
        return (total.text, x), [*lines, out]

    def backward(self, at: Connection, into: tuple[str, str], dout: str) -> tuple[str, list[Stage]]:
        """The gradient of the stream before, and the lines to it."""
        if self.place == "pre":
            part = at.part(into[1], dout)
            inner = self.value(f"{at.name}.{at.dx}", part.dx)
            norm = at.norm(into[0], inner.text)
            dx = self.value(f"d{at.x}", f"add (Matrix 2 2) {dout} ({norm.dx})")
            lines = [*within(at.name, part.backward()), inner, *within(at.ln, norm.backward())]
        else:
            norm = at.norm(into[0], dout)
            inner = self.value(f"d{at.sum}", norm.dx)
            part = at.part(into[1], inner.text)
            dx = self.value(f"d{at.x}", f"add (Matrix 2 2) {inner.text} ({part.dx})")
            lines = [*within(at.ln, norm.backward()), inner, *within(at.name, part.backward())]
        return dx.text, [*lines, dx]


MODULES = (
    "run run_dx run_dparams both both_dx both_dparams pre pre_dx pre_dparams post post_sum post_dx "
    "post_dparams pre_module post_module then_module plus"
)
"""What blocks are composed with."""


def whole(block: str, out: str, dx: str, tree: Any, unfold: str) -> list[Stage]:
    """What a block makes of x, dout and its parameters p is what the general block makes of them.

    `tree` has the gradients' names on the tape, paired as the parameters are.
    """
    return [
        Stage(array, text, f"{MODULES} p {unfold}", "{unfold}; reflexivity")
        for array, text in (
            (out, f"run ({block}) x p"),
            (dx, f"run_dx ({block}) x p dout"),
            *leaves(tree, f"(run_dparams ({block}) x p dout)"),
        )
    ]


def leaves(tree: Any, text: str) -> Iterator[tuple[str, str]]:
    """Each name of the tree, and how its place is read from a text."""
    if isinstance(tree, str):
        yield tree, text
    elif tree is not None:
        for side, branch in zip(("fst", "snd"), tree, strict=True):
            yield from leaves(branch, f"({side} {text})")


def both(path: str) -> tuple[str, str]:
    """The gradients of a linear map or of a layer norm."""
    return f"{path}.dweight", f"{path}.dbias"
