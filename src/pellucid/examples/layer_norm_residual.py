"""Residual connections and layer normalization: what keeps a deep network trainable."""

import torch
from torch import Tensor

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.toolbox import apart, axes, exact, normal, numbered
from pellucid.layers import layer_norm, layer_norm_backward, linear, linear_backward
from pellucid.tape import Tape
from pellucid.walkthrough import Part, Step, Walkthrough, labelled

TITLE = "Layer norm and residual connections"
ABOUT = "Layer norm brings every row to one scale; a residual connection lets gradients through."

ROW = [[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]]
DEPTH = 24
WIDTH = 8
SHRINK = 0.5  # the layers' weights are about so far from keeping a vector's length
SHOWN = (0, 6, 12, 18, 23)
KINDS = ["plain", "residual", "both"]


def _walkthrough() -> Walkthrough:
    tape = Tape()
    parts = numbered(_norm(tape), _scale_and_bias(tape), _depth(tape))
    layers = [f"layer {i}" for i in SHOWN]
    names = axes((KINDS, layers), "signals", "gradients")
    names |= axes((["n", "n - 1"],), "deviations")
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def _norm(tape: Tape) -> Part:
    x = exact(ROW)
    plain = {"weight": exact([1.0] * x.shape[-1]), "bias": exact([0.0] * x.shape[-1])}
    xhat, _ = layer_norm(x, **plain, eps=0.0, tape=tape.at("ln"))
    deviations = torch.stack([x.std(correction=correction) for correction in (0, 1)])
    sample = (x - x.mean()) / deviations[1]
    tape.given({"x": x, "deviations": deviations, "sample": sample})
    moved, _ = layer_norm(10 * x + 3, **plain, eps=0.0, tape=tape.at("moved"))
    mean = float(tape["ln.mean"])
    return Part(
        "Layer norm",
        (
            Step(
                "A row less its mean, over its standard deviation",
                (
                    "mean = Σ x / n,   variance = Σ (x - mean)² / n",
                    "xhat = (x - mean) / √variance",
                ),
                ("x", "ln.mean", "ln.variance", "ln.xhat"),
                says=f"The mean is {mean:g} and the standard deviation "
                f"√{float(tape['ln.variance']):g} = {float(deviations[0]):g}. Models add a small ε "
                "under the root, for rows whose numbers are all the same; here it is 0.",
            ),
            Step(
                "The deviation divides by n, not by n - 1",
                ("√(Σ (x - mean)² / n),   √(Σ (x - mean)² / (n - 1))",),
                ("deviations", "sample"),
                says=f"n = {x.shape[-1]}: {float(deviations[0]):.4f} against "
                f"{float(deviations[1]):.4f}. The row is all there is, not a sample of something "
                "larger. With n - 1 every number would be smaller by the factor "
                f"{float(deviations[0] / deviations[1]):.4f}, as `sample` shows.",
            ),
            Step(
                "Scale and place of the row do not matter",
                ("moved = layer norm of 10 x + 3",),
                ("moved.out",),
                says=f"Ten times the numbers and three more: the result differs by "
                f"{apart(moved, xhat)}.",
            ),
        ),
    )


def _scale_and_bias(tape: Tape) -> Part:
    x = tape["x"]
    weight = exact([float(tape["deviations"][0])] * x.shape[-1])
    bias = exact([float(tape["ln.mean"])] * x.shape[-1])
    tape.at("back").given({"weight": weight, "bias": bias})
    out, _ = layer_norm(x, weight=weight, bias=bias, eps=0.0, tape=tape.at("back"))
    return Part(
        "Scale and bias",
        (
            Step(
                "Two trained numbers for each place",
                ("out = xhat · weight + bias",),
                ("back.weight", "back.bias", "back.out"),
                says="If the mean or the spread said something, training can bring it back. With "
                f"the scale {float(weight[0]):g} and the bias {float(bias[0]):g} this row is again "
                f"what it was: it differs by {apart(out, x)}.",
            ),
        ),
    )


def _depth(tape: Tape) -> Part:
    runs = [_deep(tape.at(kind), kind) for kind in KINDS]
    places = list(SHOWN)
    signals = torch.stack([signal[places] for signal, _ in runs])
    gradients = torch.stack([gradient[places] for _, gradient in runs])
    tape.given({"signals": signals, "gradients": gradients})
    first = [float(gradient[0]) for _, gradient in runs]
    return Part(
        "Residual connections",
        (
            Step(
                f"{DEPTH} layers, forward",
                (
                    "plain: x ← x W;   residual: x ← x + x W",
                    "both: x ← x + layer_norm(x) W",
                ),
                lines=_table(signals),
                says="The length of the vector that enters each layer. The output must be as long "
                "as the input, or the two could not be added.",
            ),
            Step(
                "And backward",
                (
                    "plain: dx ← dx Wᵀ;   residual: dx ← dx + dx Wᵀ",
                    "both: dx ← dx + layer norm's gradient of dx Wᵀ",
                ),
                lines=_table(gradients),
                says="The length of the gradient as it comes out of each layer, when one of length "
                f"1 goes into the last. Plain, layer 0 gets {first[0]:.2g}: it learns nothing. The "
                "sum hands the gradient on whole, beside what the layer makes of it, and layer 0 "
                f"gets {first[1]:.2g}. With layer norm it gets {first[2]:.2g}, and the vectors "
                f"reach a length of {float(signals[2, -1]):.2g} instead of "
                f"{float(signals[1, -1]):.2g}: what a layer adds no longer grows with the vector.",
            ),
        ),
    )


def _table(lengths: Tensor) -> tuple[str, ...]:
    """The lengths as lines: they go over too many powers of ten for a common format."""
    head = "".join(f"{f'layer {layer}':>10}" for layer in SHOWN)
    rows = zip(KINDS, lengths.tolist(), strict=True)
    return (
        f"{'':10}{head}",
        *(f"{kind:<10}" + "".join(f"{value:>10.2g}" for value in row) for kind, row in rows),
    )


def _deep(tape: Tape, kind: str) -> tuple[Tensor, Tensor]:
    """The lengths of what enters each layer, and of the gradient that leaves it."""
    x = normal(1, WIDTH, seed=1)
    x = x / x.norm()
    ones = exact([1.0] * WIDTH)
    signals, caches = [], []
    for layer in range(DEPTH):
        place = tape.at(str(layer))
        weight = SHRINK / WIDTH**0.5 * normal(WIDTH, WIDTH, seed=2 + layer)
        signals.append(x.norm())
        read, norm_cache = x, None
        if kind == "both":
            read, norm_cache = layer_norm(x, weight=ones, eps=1e-5, tape=place.at("ln"))
        made, cache = linear(read, weight=weight, tape=place.at("map"))
        x = made if kind == "plain" else x + made
        caches.append((norm_cache, cache))
    gradient = normal(1, WIDTH, seed=0)
    gradient = gradient / gradient.norm()
    lengths = []
    for norm_cache, cache in reversed(caches):
        through, _ = linear_backward(gradient, cache)
        if norm_cache is not None:
            through, _ = layer_norm_backward(through, norm_cache)
        gradient = through if kind == "plain" else gradient + through
        lengths.append(gradient.norm())
    return torch.stack(signals), torch.stack(lengths[::-1])


LAYER_NORM_RESIDUAL = Demonstration(TITLE, ABOUT, _walkthrough)
