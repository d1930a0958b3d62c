"""How the weights of leaf or flower are found: loss, gradient, epochs; and how it can fail."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from pellucid.examples.demonstration import Demonstration, Shown
from pellucid.examples.leaf_or_flower import FEATURES, LABELS
from pellucid.examples.one_gradient import one_weight, slopes, standardized
from pellucid.examples.toolbox import as_text, axes, exact, normal, numbered
from pellucid.layers import absolute_error
from pellucid.models import Classifier, ClassifierConfig
from pellucid.optim import DIFFERENCE_STEP, finite_difference_gradients, sgd
from pellucid.tape import Tape
from pellucid.tree import flatten, map_leaves
from pellucid.walkthrough import Part, Step, Walkthrough, labelled

TITLE = "Leaf or flower: the training"
ABOUT = (
    "The weights begin at random. A loss says how wrong the outputs are, a gradient says of each "
    "weight which way to move it, and epoch after epoch the loss falls."
)

THINGS = ("leaf 1", "leaf 2", "leaf 3", "flower 1", "flower 2", "flower 3")
INPUTS = [
    [32.0, 107.0, 56.0, 11.2],
    [45.0, 120.0, 40.0, 8.5],
    [90.0, 130.0, 60.0, 14.0],
    [237.0, 189.0, 46.0, 200.0],
    [220.0, 60.0, 90.0, 45.0],
    [180.0, 140.0, 210.0, 30.0],
]
WANTED = [[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 3
CLASSES = [0, 0, 0, 1, 1, 1]

SEED = 1
RATE = 0.05
EPOCHS = 200
SHOWN = (0, 1, 2, 5, 10, 20, 50, 100, 150, 200)

DEPTH = 12
WIDE = 16
BATCH = 64
SCALES = {"too small": 0.5, "right": 1.0, "too large": 2.0}


def beginning() -> Classifier:
    """The network of leaf or flower with random weights; it standardizes the six examples."""
    inputs = exact(INPUTS)
    config = ClassifierConfig(
        inputs=len(FEATURES),
        hidden=(3,),
        outputs=len(LABELS),
        features=FEATURES,
        labels=LABELS,
        mean=tuple(inputs.mean(0).tolist()),
        std=tuple(inputs.std(0, correction=0).tolist()),
    )
    return Classifier.init(config, seed=SEED)


def trained(loss: str) -> list[tuple[float, Classifier]]:
    """Gradient descent on all six examples: the loss before each epoch, and the model with it."""
    model, course = beginning(), []
    for _ in range(EPOCHS + 1):
        if loss == "difference":
            value, grads = model.error_and_grads(INPUTS, WANTED)
        else:
            value, grads = model.loss_and_grads(INPUTS, CLASSES)
        course.append((float(value), model))
        params, _ = sgd(model.params, grads, learning_rate=RATE)
        model = model.with_params(params)
    return course


def depth_gradients(scale: float, activation: str, depth: int = DEPTH) -> list[float]:
    """The size of the gradient by the nodes of each layer of a deep network, from the first.

    The weights begin as `Classifier.init` draws them, `scale` times as large.
    """
    config = ClassifierConfig(
        inputs=WIDE,
        hidden=(WIDE,) * depth,
        activation=activation,  # type: ignore[arg-type]
    )
    model = Classifier.init(config, seed=SEED)
    deep = model.with_params(map_leaves(lambda leaf: scale * leaf, model.params))
    tape = Tape()
    deep.error_and_grads(normal(BATCH, WIDE, seed=SEED), torch.zeros(BATCH, 2), tape)
    return [float(tape[f"dhidden.{layer}.out"].norm()) for layer in range(depth)]


def _walkthrough() -> Walkthrough:
    tape = Tape()
    parts = numbered(_loss(tape), _gradient(tape), _average(), _epochs(), _depth())
    labels: dict[str, Any] = {
        "outputs": (None, LABELS),
        "aim": (None, LABELS),
        "difference.errors": (None, LABELS),
        "network.output.out": (None, LABELS),
        "network.wanted": (None, LABELS),
        "network.standardize.mean": (FEATURES,),
        "network.standardize.std": (FEATURES,),
        **axes((None, FEATURES), "network.inputs", "network.standardize.out"),
    }
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(labels))


def _loss(tape: Tape) -> Part:
    outputs, aim = exact([[0.6, 0.4]]), exact([[0.8, 0.2]])
    tape.given({"outputs": outputs, "aim": aim})
    loss, _ = absolute_error(outputs, wanted=aim, tape=tape.at("difference"))
    terms = " + ".join(
        f"|{out:g} - {want:g}|" for out, want in zip(outputs[0], aim[0], strict=True)
    )
    return Part(
        "The loss",
        (
            Step(
                "How far the outputs are from those wanted",
                ("loss = Σ |output - wanted|",),
                ("outputs", "aim", "difference.errors"),
                (f"{terms} = {float(loss):.4g}",),
                says=f"The loss is {float(loss):.4g}. It is 0 only where both outputs are as "
                "wanted. To train is to make it small.",
            ),
        ),
    )


def _gradient(tape: Tape) -> Part:
    model, leaf, wanted = beginning(), INPUTS[:1], WANTED[:1]

    def loss_with(params: Any) -> Tensor:
        loss, _ = model.with_params(params).error_and_grads(leaf, wanted)
        return loss

    network = tape.at("network")
    _, grads = model.error_and_grads(leaf, wanted, network)
    nudged = flatten(finite_difference_gradients(loss_with, model.params))
    stepped, _ = sgd(model.params, grads, learning_rate=RATE, tape=network)
    nodes = tape["network.hidden.0.act.out"][0]
    silent = [f"node {place + 1}" for place in range(len(nodes)) if nodes[place] == 0]
    before, after = float(tape["network.loss"]), float(loss_with(stepped))
    lines, worst = slopes(model, nudged, flatten(grads))
    one, made = one_weight(tape, RATE)
    return Part(
        "The gradient",
        (
            standardized(tape, INPUTS),
            Step(
                "Where it begins",
                names=("network.output.out", "network.wanted", "network.loss"),
                says="Random weights say nothing sensible about the first leaf.",
            ),
            Step(
                "Nudge each weight, or use the formula",
                (
                    f"by nudging: (loss(w + h) - loss(w - h)) / 2h,   h = {DIFFERENCE_STEP:g}",
                    "by formula: backward, layer by layer, without moving anything",
                ),
                lines=tuple(lines),
                says=f"The two never differ by more than {worst:.1e}. Nudging ran the network "
                f"{2 * sum(w.numel() for w in nudged.values())} times; the formula needed one run "
                f"forward and one back. For this leaf {' and '.join(silent)} "
                f"{'is' if len(silent) == 1 else 'are'} 0 after the ReLU: "
                "all weights into and out of it have the gradient 0.",
            ),
            Step(
                "One of them by hand",
                ("dw = what went into the weight · what comes back to its node",),
                lines=(one,),
                says="Of all weights of the first layer it is the steepest. Its input is what "
                "standardization made of the first leaf's number, and its node got its part of the "
                "loss back through the output layer.",
            ),
            Step(
                "One step against the gradient",
                (f"w ← w - η dw,   η = {RATE:g}",),
                lines=(made,),
                says=f"So it is for every weight. The loss was {before:.6f} and is {after:.6f}.",
            ),
        ),
    )


def _average() -> Part:
    model = beginning()
    name, place = "output.bias", 0
    each = [
        float(model.error_and_grads([row], [want])[1]["output"]["bias"][place])
        for row, want in zip(INPUTS, WANTED, strict=True)
    ]
    _, grads = model.error_and_grads(INPUTS, WANTED)
    together = float(grads["output"]["bias"][place])
    lines = [f"{thing:<10}{value:>10.4f}" for thing, value in zip(THINGS, each, strict=True)]
    lines += [f"{'mean':<10}{sum(each) / len(each):>10.4f}", f"{'all six':<10}{together:>10.4f}"]
    return Part(
        "More than one example",
        (
            Step(
                f"The gradient of {name}[{place}], by each example alone and by all",
                ("loss = mean of the examples' losses;   its gradient = mean of their gradients",),
                lines=tuple(lines),
                says=f"{sum(value < 0 for value in each)} examples want this weight larger and "
                f"{sum(value > 0 for value in each)} want it smaller: what helps one can harm "
                "another. So the mean decides.",
            ),
        ),
    )


def _epochs() -> Part:
    courses = {"difference": trained("difference"), "cross-entropy": trained("cross-entropy")}
    lines = [f"{'epoch':>5}" + "".join(f"{name:>16}{'right':>8}" for name in courses)]
    for epoch in SHOWN:
        line = f"{epoch:>5}"
        for course in courses.values():
            loss, model = course[epoch]
            right = round(model.accuracy(INPUTS, CLASSES) * len(INPUTS))
            line += f"{loss:>16.4f}{f'{right} of {len(INPUTS)}':>8}"
        lines.append(line)
    losses = {name: [loss for loss, _ in course] for name, course in courses.items()}
    rises = {
        name: sum(after > before for before, after in pairwise(course))
        for name, course in losses.items()
    }
    first, last = losses["difference"][0], losses["difference"][-1]
    return Part(
        "Epochs",
        (
            Step(
                "Step after step",
                (f"an epoch: the gradient of the mean loss of all six, and a step, η = {RATE:g}",),
                lines=tuple(lines),
                says=f"The sum of differences falls from {first:.4f} to {last:.4f}, but it rises "
                f"in {rises['difference']} of the {EPOCHS} epochs: its slope is as steep just "
                "before the goal as far from it, so steps go past. The cross-entropy of the "
                "softmax, which language models use, is flatter the nearer it comes: it rises in "
                f"{rises['cross-entropy']} of them.",
            ),
        ),
    )


def _depth() -> Part:
    steps = []
    for activation, title in (("relu", "with ReLU"), ("none", "without ReLU")):
        norms = {name: depth_gradients(scale, activation) for name, scale in SCALES.items()}
        lines = [f"{'layer':>5}" + "".join(f"{name:>14}" for name in norms)]
        lines += [
            f"{layer + 1:>5}" + "".join(f"{course[layer]:>14.3g}" for course in norms.values())
            for layer in reversed(range(DEPTH))
        ]
        ratio = {name: course[0] / course[-1] for name, course in norms.items()}
        steps.append(
            Step(
                f"The gradient in a network of {DEPTH} layers, {title}",
                ("size = √Σ (gradient by a node)² over a layer's nodes; weights of three sizes",),
                lines=tuple(lines),
                says=f"On the way from layer {DEPTH} back to layer 1 the gradient is multiplied by "
                f"{ratio['too small']:.2g} with weights half the right size (it vanishes), by "
                f"{ratio['right']:.2g} with the right size, and by {ratio['too large']:.4g} with "
                "twice the right size (it explodes).",
            )
        )
    says = (
        "The right size: random with variance 2 / inputs where a ReLU follows, which lets half "
        f"through, and 1 / inputs where none does. Between {DEPTH} layers lie {DEPTH - 1} maps, "
        f"and every one of them multiplies: {SCALES['too small']:g} to the power of {DEPTH - 1} is "
        f"{SCALES['too small'] ** (DEPTH - 1):.2g}, {SCALES['too large']:g} to the same power "
        f"{SCALES['too large'] ** (DEPTH - 1):.4g}."
    )
    steps.append(Step("Where the factor comes from", says=says))
    return Part("Vanishing and exploding gradients", tuple(steps))


def _shown() -> Shown:
    return Shown(beginning(), None, as_text(INPUTS, [LABELS[number] for number in CLASSES]))


LEAF_OR_FLOWER_TRAINING = Demonstration(TITLE, ABOUT, _walkthrough, _shown)
