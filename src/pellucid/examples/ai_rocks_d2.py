"""Why AI rocks has four dimensions: of two, layer norm leaves nothing to learn from.

Two numbers less their mean are ±a, their deviation is a, so layer norm makes ±1 of any two. For
ε = 0 that does not depend on them at all, and the gradient is 0.
"""

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from pellucid.examples.model_example import Example, load_example
from pellucid.models import GPT
from pellucid.train import Trace
from pellucid.walkthrough import Part, Step

NORMS = ("ln_1", "ln_2")

FINER = 1e-9
"""Another ε, to show that what is left of the gradient is ε's doing."""


def ai_rocks_d2() -> Example:
    """The example with two dimensions, which ends in the reason for four."""
    return replace(load_example("ai_rocks_d2"), closing=_why_four)


def _why_four(trace: Trace) -> Part:
    """Both widths side by side: what layer norm makes of a row, and what comes back through it."""
    config = trace.model.config
    example = load_example("ai_rocks_d2")
    finer = replace(
        example, model=GPT(replace(config, eps=FINER), trace.model.params), closing=None
    ).record()
    four = load_example("ai_rocks").record()
    return Part(
        "Why d = 4",
        (
            Step(
                "Any two numbers become ±1",
                (
                    "|x - mean| = |x₁ - x₂| / 2 = a,   variance = a²",
                    "|xhat| = a / √(a² + ε),   ±1 but for ε",
                ),
                lines=tuple(_rows(trace, four)),
                says="Of two numbers layer norm keeps which is the larger, and no more. Of four it "
                "keeps how they lie to each other.",
            ),
            Step(
                "No gradient comes back",
                (
                    "|dxhat - mean(dxhat)| = |dxhat₁ - dxhat₂| / 2 = g",
                    "|dx| = g · ε / (a² + ε)^(3/2),   nothing for an ε of 0",
                ),
                lines=tuple(
                    _gradients({"d = 2": trace, f"d = 2, ε = {FINER:g}": finer, "d = 4": four})
                ),
                says="The mean takes one direction away and the deviation another, so that d - 2 "
                "are left to learn in: none of two, two of four. What comes back at d = 2 is made "
                f"by ε = {config.eps:g} alone and falls with it: the embeddings under a norm learn "
                "only past it, through the residual stream.",
            ),
        ),
    )


def _rows(two: Trace, four: Trace) -> Iterator[str]:
    """What each layer norm makes of each token."""
    for norm in NORMS:
        for place, piece in enumerate(two.pieces):
            for width, trace in ((2, two), (4, four)):
                row = trace.tape[f"h.0.{norm}.xhat"][place]
                numbers = " ".join(f"{value:9.6f}" for value in row.tolist())
                line = f"{norm}  {piece:<6} d = {width}   xhat {numbers}"
                if width == 2:
                    line += f"   1 - |xhat| = {float(1 - row.abs().max()):.1e}"
                yield line


def _gradients(traces: dict[str, Trace]) -> Iterator[str]:
    """How long the gradient is on either side of each layer norm."""
    for norm in NORMS:
        for title, trace in traces.items():
            dout, dx = (_length(trace.tape[f"dh.0.{norm}.{end}"]) for end in ("out", "x"))
            yield (
                f"{norm}  {title:<18} |dout| = {dout:.4f}   |dx| = {dx:.2e}   "
                f"|dx| / |dout| = {dx / dout:.2e}"
            )


def _length(gradient: Tensor) -> float:
    return float(gradient.norm())
