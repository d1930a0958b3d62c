"""Softmax: why outputs are not cut off at 1, and what is done instead."""

import math

import torch

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.toolbox import apart, axes, exact, numbered
from pellucid.layers import cross_entropy, softmax
from pellucid.tape import Tape
from pellucid.walkthrough import Part, Step, Walkthrough, labelled

TITLE = "Softmax"
ABOUT = "Softmax turns any scores into probabilities, and keeps the loss on the side of the truth."

KINDS = ["leaf", "flower"]
CASES = ["network 1", "network 2"]
OUTPUTS = [[5.0, 1.0], [0.0, 1.0]]  # of the two, shown the same leaf
HUGE = [[1000.0, 999.0, 998.0]]
SCORES = [-2.0, -1.0, 0.0, 1.0, 2.0]


def _walkthrough() -> Walkthrough:
    tape = Tape()
    parts = numbered(_capping(tape), _softmax(tape), _overflow(tape), _logistic(tape))
    scores = [f"z = {score:g}" for score in SCORES]
    names = (
        axes((CASES, KINDS), "outputs", "wanted", "capped", "softmax.out")
        | axes((CASES,), "distance", "capped_distance", "softmax_distance", "sums")
        | axes((CASES,), "entropy.losses")
        | axes((scores, ["of z", "of 0"]), "two_way.out")
        | axes((scores,), "logistic")
    )
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def _capping(tape: Tape) -> Part:
    outputs = exact(OUTPUTS)
    wanted = exact([[1.0, 0.0]] * len(OUTPUTS))
    distance = (outputs - wanted).abs().sum(-1)
    capped = outputs.clamp(0, 1)
    capped_distance = (capped - wanted).abs().sum(-1)
    tape.given({"outputs": outputs, "wanted": wanted, "distance": distance})
    tape.given({"capped": capped, "capped_distance": capped_distance})
    return Part(
        "Cut off at 1",
        (
            Step(
                "A right answer with the greater loss",
                ("distance = |leaf - 1| + |flower - 0|, the loss",),
                ("outputs", "wanted", "distance"),
                says=f"Both networks see a leaf. The first is right, {outputs[0, 0]:g} against "
                f"{outputs[0, 1]:g}, and its loss is {distance[0]:g}. The second is wrong, "
                f"{outputs[1, 0]:g} against {outputs[1, 1]:g}, and its loss is only "
                f"{distance[1]:g}: training would prefer the wrong one. Wanting more than 1 does "
                "not help: whatever is wanted, an output can go beyond it.",
            ),
            Step(
                "Cutting the outputs off as well",
                ("capped = min(max(output, 0), 1)",),
                ("capped", "capped_distance"),
                says=f"Now the first network has {capped[0, 0]:g} for leaf and {capped[0, 1]:g} "
                "for flower: what told them apart has been cut off.",
            ),
        ),
    )


def _softmax(tape: Tape) -> Part:
    outputs = tape["outputs"]
    probs, _ = softmax(outputs, tape=tape.at("softmax"))
    distance = (probs - tape["wanted"]).abs().sum(-1)
    sums = probs.sum(-1)
    tape.given({"softmax_distance": distance, "sums": sums})
    cross_entropy(outputs, torch.zeros(len(OUTPUTS), dtype=torch.long), tape=tape.at("entropy"))
    losses = tape["entropy.losses"]
    return Part(
        "Softmax instead",
        (
            Step(
                "Every score counts against the others",
                ("out[i] = exp(x[i]) / Σⱼ exp(x[j])",),
                ("softmax.out", "sums", "softmax_distance"),
                says="All are between 0 and 1, their order is that of the outputs, and each row "
                f"sums to {sums[0]:g}, so they can be read as probabilities. The right network "
                f"now has the loss {distance[0]:.4f} and the wrong one {distance[1]:.4f}.",
            ),
            Step(
                "The loss that language models use",
                ("losses = -log probability of the truth",),
                ("entropy.losses",),
                says=f"Here too the right network is ahead, {losses[0]:.4f} to {losses[1]:.4f}. "
                "However large the right output gets, the loss only comes nearer to 0.",
            ),
        ),
    )


def _overflow(tape: Tape) -> Part:
    huge = exact(HUGE)
    exps = huge.exp()
    quotient = exps / exps.sum(-1, keepdim=True)
    shifted = huge - huge.amax(-1, keepdim=True)
    tape.given({"huge": huge, "exps": exps, "quotient": quotient, "shifted": shifted})
    stable, _ = softmax(huge, tape=tape.at("stable"))
    small, _ = softmax(shifted, tape=tape.at("small"))
    largest = torch.finfo(huge.dtype).max
    return Part(
        "The maximum is subtracted first",
        (
            Step(
                "As the formula stands",
                ("exps = exp(x),   quotient = exps / Σ exps",),
                ("huge", "exps", "quotient"),
                says=f"float64 ends at {largest:.3g}, which is exp({math.log(largest):.2f}); "
                f"exp({huge[0, 0]:g}) is beyond it, so it counts as infinite, and infinite over "
                f"infinite is {float(quotient[0, 0])}: not a number.",
            ),
            Step(
                "As it is computed",
                ("shifted = x - max x",),
                ("shifted", "stable.out", "small.out"),
                says="To subtract c from every score divides every exp by exp(c), above and below "
                "the line: the quotient is the same. With c the maximum, the largest exp is 1. The "
                f"two results differ by {apart(stable, small)}.",
            ),
        ),
    )


def _logistic(tape: Tape) -> Part:
    scores = exact(SCORES)
    two_way, _ = softmax(
        torch.stack([scores, torch.zeros_like(scores)], -1), tape=tape.at("two_way")
    )
    logistic = 1 / (1 + (-scores).exp())
    tape.given({"logistic": logistic})
    return Part(
        "Of two",
        (
            Step(
                "The logistic function is softmax of z and 0",
                ("exp(z) / (exp(z) + exp(0)) = 1 / (1 + exp(-z))",),
                ("two_way.out", "logistic"),
                says=f"The first column and the logistic differ by {apart(two_way[:, 0], logistic)}"
                ". Softmax is the same thing for as many choices as one likes.",
            ),
        ),
    )


SOFTMAX = Demonstration(TITLE, ABOUT, _walkthrough)
