"""What a network of few inputs does with them, and with one of its weights, in full figures."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from pellucid.examples.leaf_or_flower import FEATURES
from pellucid.models import Classifier
from pellucid.numbers import at
from pellucid.tape import Tape
from pellucid.tree import flatten
from pellucid.walkthrough import Step


def standardized(tape: Tape, inputs: Sequence[Sequence[float]]) -> Step:
    """What becomes of the inputs before the first weight."""
    mean, std, out = (
        float(tape[f"network.standardize.{name}"].flatten()[0]) for name in ("mean", "std", "out")
    )
    first = float(tape["network.inputs"][0, 0])
    reds = [row[0] for row in inputs]
    return Step(
        "The inputs, standardized",
        ("standardize.out = (inputs - mean) / std",),
        (
            *("network.inputs", "network.standardize.mean", "network.standardize.std"),
            "network.standardize.out",
        ),
        (f"({first:g} - {mean:.4f}) / {std:.4f} = {out:.4f}",),
        says="The inputs lie far from 0 and reach over different ranges, "
        f"{FEATURES[0]} from {min(reds):g} to {max(reds):g}: a step that suits one weight would be "
        "too long for another. So from each the mean over the six things is taken away, and the "
        "rest is divided by the standard deviation. The network sees only what that leaves.",
    )


def slopes(
    model: Classifier, nudged: dict[str, Tensor], formula: dict[str, Tensor]
) -> tuple[list[str], float]:
    """Every gradient in both ways, under the name that it has on the tape, and how far apart."""
    lines = [f"{'':30}{'weight':>9}{'by nudging':>12}{'by formula':>12}{'apart':>9}"]
    worst = 0.0
    for name, weight in flatten(model.params).items():
        for number in range(weight.numel()):
            place = tuple(map(int, np.unravel_index(number, weight.shape)))
            by_nudge, by_rule = float(nudged[name][place]), float(formula[name][place])
            worst = max(worst, abs(by_nudge - by_rule))
            lines.append(
                f"{at(f'dnetwork.{name}', place):<30}{float(weight[place]):>9.4f}"
                f"{by_nudge + 0.0:>12.6f}{by_rule + 0.0:>12.6f}{abs(by_nudge - by_rule):>9.1e}"
            )
    return lines, worst


def one_weight(tape: Tape, rate: float) -> tuple[str, str]:
    """The steepest weight of the first layer: its gradient's arithmetic, and its new value's."""
    name = "network.hidden.0.weight"
    grads = tape[f"d{name}"]
    row, node = divmod(int(grads.abs().argmax()), grads.shape[1])
    given = float(tape["network.standardize.out"][0, row])
    back = float(tape["dnetwork.hidden.0.out"][0, node])
    weight, new = float(tape[name][row, node]), float(tape[f"{name}.new"][row, node])
    slope = float(grads[row, node])
    by_hand = f"{_factor(given)} · {_factor(back)} = {slope:.4f}"
    step = f"{weight:.4f} - {rate:g} · {_factor(slope)} = {new:.4f}"
    place = (row, node)
    return f"{at(f'd{name}', place)} = {by_hand}", f"{at(f'{name}.new', place)} = {step}"


def _factor(number: float) -> str:
    """A number to four places, in brackets where it is below 0."""
    return f"({number:.4f})" if number < 0 else f"{number:.4f}"
