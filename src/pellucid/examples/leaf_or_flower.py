"""Leaf or flower: a network of nine nodes, worked out by hand, with and without its parts."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pellucid.examples.demonstration import Demonstration, Shown
from pellucid.examples.toolbox import apart, as_text, exact, numbered
from pellucid.layers import linear, softmax
from pellucid.models import Classifier, ClassifierConfig
from pellucid.tape import Tape
from pellucid.tree import present, unflatten
from pellucid.walkthrough import Labels, Part, Step, Walkthrough, labelled

TITLE = "Leaf or flower"
ABOUT = (
    "Four numbers go in: the colour (red, green, blue) and the volume in millilitres. Two come "
    "out, one for leaf and one for flower. In between is nothing but sums and products."
)

FEATURES = ("red", "green", "blue", "volume")
LABELS = ("leaf", "flower")
THINGS = ("leaf", "sunflower")
NODES = ("node 1", "node 2", "node 3")
INPUTS = [[32.0, 107.0, 56.0, 11.2], [237.0, 189.0, 46.0, 200.0]]

# Known from the source are node 1, the weights of red and green, and those into the output for
# leaf. The others are ours, with two decimals, as near as these can bring node 3 to its -47.1: no
# finite decimals meet it, since 56 and 11.2 are multiples of 7 and what is left to reach is not.
HIDDEN = [
    [0.10, 0.12, -0.36],
    [-0.29, -0.05, -0.21],
    [-0.07, 0.08, -0.12],
    [0.46, 0.15, -0.57],
]
OUTPUT = [[-0.17, 0.31], [0.39, 0.12], [0.10, 0.06]]
HIDDEN_BIAS = [0.25, 0.10, -0.006]  # the last makes node 3 exactly -47.1
OUTPUT_BIAS = [0.10, -0.20]


def network(*, bias: bool = False, activation: str = "none", scheme: str = "larger") -> Classifier:
    """The network, with or without its parts; of scheme "sign" with the two outputs' difference."""
    output, output_bias = exact(OUTPUT), exact(OUTPUT_BIAS)
    if scheme == "sign":
        output, output_bias = output[:, :1] - output[:, 1:], output_bias[:1] - output_bias[1:]
    params = present(
        **{"hidden.0.weight": exact(HIDDEN), "hidden.0.bias": exact(HIDDEN_BIAS) if bias else None},
        **{"output.weight": output, "output.bias": output_bias if bias else None},
    )
    config = ClassifierConfig(
        inputs=len(FEATURES),
        hidden=(len(NODES),),
        outputs=output.shape[1],
        activation=activation,  # type: ignore[arg-type]
        bias=bias,
        scheme=scheme,  # type: ignore[arg-type]
        features=FEATURES,
        labels=LABELS,
    )
    return Classifier(config, unflatten(params))


def spelt(values: Tensor, weights: Tensor, bias: float | None = None) -> str:
    """A node's sum, written out: its inputs by its weights, and its bias."""
    products = zip(values.tolist(), weights.tolist(), strict=True)
    terms = [f"{_signed(value)}·{_signed(weight)}" for value, weight in products]
    total = float(values @ weights) + (bias or 0.0)
    return " + ".join([*terms, *([] if bias is None else [_signed(bias)])]) + f" = {total:.8g}"


def _signed(number: float) -> str:
    return f"{number:g}" if number >= 0 else f"({number:g})"


def _verdicts(model: Classifier) -> str:
    """What the network takes the two things for."""
    found = [model.config.class_names[number] for number in model.predict(INPUTS).tolist()]
    return ", ".join(f"{thing} → {kind}" for thing, kind in zip(THINGS, found, strict=True))


def _walkthrough() -> Walkthrough:
    tape, inputs = Tape(), exact(INPUTS)
    parts = numbered(
        _network(tape, inputs),
        _schemes(tape, inputs),
        _biases(tape, inputs),
        _activation(tape, inputs),
        _collapse(tape, inputs),
    )
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(_labels(tape)))


def _network(tape: Tape, inputs: Tensor) -> Part:
    model = network()
    outputs = model.forward(inputs, tape.at("plain"))
    nodes, weights = tape["plain.hidden.0.out"], exact(HIDDEN)
    lead = outputs[:, 0] - outputs[:, 1]
    return Part(
        "Sums and products",
        (
            Step(
                "The inputs",
                names=("plain.inputs",),
                says="A leaf and a sunflower. The network sees neither: it sees four numbers.",
            ),
            Step(
                "The middle layer",
                ("each node = Σ input · weight: a column of the weights for each node",),
                ("plain.hidden.0.weight", "plain.hidden.0.out"),
                tuple(
                    f"{NODES[node]}, leaf:  {spelt(inputs[0], weights[:, node])}"
                    for node in range(len(NODES))
                ),
                says=f"So the leaf makes node 1 {float(nodes[0, 0]):.1f} and node 3 "
                f"{float(nodes[0, 2]):.1f}, to one decimal.",
            ),
            Step(
                "The output layer",
                ("the same once more, with the nodes in place of the inputs",),
                ("plain.output.weight", "plain.output.out"),
                tuple(
                    f"output for {label}:  {spelt(nodes[0], exact(OUTPUT)[:, place])}"
                    for place, label in enumerate(LABELS)
                ),
                says=f"The larger output wins. For the leaf the first is ahead by {lead[0]:.4g}; "
                f"for the sunflower the second is, by {-lead[1]:.4g}. ({_verdicts(model)}.) That "
                "the first output means leaf is our reading, not the network's.",
            ),
        ),
    )


def _schemes(tape: Tape, inputs: Tensor) -> Part:
    sign = network(scheme="sign")
    sign.forward(inputs, tape.at("sign"))
    number = tape["sign.output.out"]
    two, _ = softmax(tape["plain.output.out"], tape=tape.at("probabilities"))
    one, _ = softmax(tape["sign.binary_logits.out"], tape=tape.at("sign_probabilities"))
    return Part(
        "Two ways to read an answer",
        (
            Step(
                "The sign of one number",
                ("positive: leaf,   negative: flower",),
                ("sign.output.weight", "sign.output.out"),
                says="One output will do for two classes. Its weights here are those into leaf "
                f"less those into flower, so it is the lead of leaf: {number[0, 0]:.4g} for the "
                f"leaf, {number[1, 0]:.4g} for the sunflower. ({_verdicts(sign)}.) With more than "
                "two classes only the larger output works.",
            ),
            Step(
                "As probabilities",
                ("softmax of two outputs;   of one output x: softmax of (x, 0)",),
                ("probabilities.out", "sign_probabilities.out"),
                says=f"Both ways give the same probabilities: they differ by {apart(two, one)}. "
                f"Here they are all but certain: flower has {float(two[0, 1]):.1g} for the leaf.",
            ),
        ),
    )


def _biases(tape: Tape, inputs: Tensor) -> Part:
    model = network(bias=True)
    model.forward(inputs, tape.at("biased"))
    weights = exact(HIDDEN)
    return Part(
        "Biases",
        (
            Step(
                "A number of its own for each node",
                ("each node = Σ input · weight + bias",),
                tuple(
                    f"biased.{name}"
                    for name in ("hidden.0.bias", "hidden.0.out", "output.bias", "output.out")
                ),
                tuple(
                    f"{NODES[node]}, leaf:  {spelt(inputs[0], weights[:, node], bias)}"
                    for node, bias in enumerate(HIDDEN_BIAS)
                ),
                says="A bias is added whatever comes in: without one, inputs of 0 could only give "
                f"0. ({_verdicts(model)}.)",
            ),
        ),
    )


def _activation(tape: Tape, inputs: Tensor) -> Part:
    model = network(activation="relu")
    model.forward(inputs, tape.at("bent"))
    both = network(activation="relu", bias=True)
    both.forward(inputs, tape.at("whole"))
    before, after = tape["plain.hidden.0.out"][0], tape["bent.hidden.0.act.out"][0]
    cut = [place for place in range(len(NODES)) if before[place] < 0]
    told = " and ".join(f"{NODES[place]} was {float(before[place]):.4g}" for place in cut)
    return Part(
        "ReLU",
        (
            Step(
                "Negative nodes become 0",
                ("each node = max(Σ input · weight, 0)",),
                ("bent.hidden.0.act.out", "bent.output.out"),
                tuple(
                    f"output for {label}:  {spelt(after, exact(OUTPUT)[:, place])}"
                    for place, label in enumerate(LABELS)
                ),
                says=f"For the leaf {told}: both are {float(after[cut[0]]):g} now, and what is "
                f"left speaks through the other one. ({_verdicts(model)}.) With other weights the "
                "answer could have changed: these were chosen to hold with and without.",
            ),
            Step(
                "With biases too",
                names=("whole.hidden.0.out", "whole.hidden.0.act.out", "whole.output.out"),
                says=f"This is the whole network, as it is used. ({_verdicts(both)}.)",
            ),
        ),
    )


def _collapse(tape: Tape, inputs: Tensor) -> Part:
    first, second = exact(HIDDEN), exact(OUTPUT)
    weight, _ = linear(first, weight=second)
    one, _ = linear(inputs, weight=weight, tape=tape.at("one"))
    tape.given({"one.weight": weight})
    bias, _ = linear(exact(HIDDEN_BIAS), weight=second, bias=exact(OUTPUT_BIAS))
    tape.given({"one_biased.weight": weight, "one_biased.bias": bias})
    biased, _ = linear(inputs, weight=weight, bias=bias, tape=tape.at("one_biased"))
    sums = inputs.sum(0, keepdim=True)
    apart_again = {
        name: network(activation=name).forward(torch.cat([inputs, sums]))
        for name in ("none", "relu")
    }
    tests = {name: out[0] + out[1] - out[2] for name, out in apart_again.items()}
    largest = {name: float(test.abs().max()) for name, test in tests.items()}
    return Part(
        "Why ReLU is there: without it, two layers are one",
        (
            Step(
                "One matrix instead of two",
                ("(x W₁) W₂ = x (W₁ W₂)",),
                ("one.weight", "one.out"),
                tuple(
                    f"{FEATURES[row]} into leaf:  {spelt(first[row], second[:, 0])}"
                    for row in range(2)
                ),
                says="Each output is a sum over the inputs directly. It differs from that of the "
                f"two layers by {apart(one, tape['plain.output.out'])}: the middle layer was "
                "never needed.",
            ),
            Step(
                "With biases the same",
                ("(x W₁ + b₁) W₂ + b₂ = x (W₁ W₂) + (b₁ W₂ + b₂)",),
                ("one_biased.bias", "one_biased.out"),
                says=f"The difference: {apart(biased, tape['biased.output.out'])}.",
            ),
            Step(
                "With ReLU no matrix will do",
                ("f(leaf) + f(sunflower) - f(leaf + sunflower) = 0 for every matrix f",),
                lines=(
                    f"without ReLU  {_row(tests['none'], largest['none'])}",
                    f"with ReLU     {_row(tests['relu'], largest['relu'])}",
                ),
                says="A matrix gives the sum of two inputs the sum of their outputs. With ReLU "
                f"that fails by {largest['relu']:.4g}, so the middle layer is there to stay.",
            ),
        ),
    )


def _row(test: Tensor, largest: float) -> str:
    """The test's two numbers; what is nothing but round-off is 0."""
    numbers: Sequence[float] = test.tolist() if largest > 1e-9 else [0.0] * len(test)
    return "  ".join(f"{label} {number:.4f}" for label, number in zip(LABELS, numbers, strict=True))


def _labels(tape: Tape) -> dict[str, Sequence[Labels]]:
    """The labels of every axis; most by the name's end, whichever of the networks it is of."""
    ends: dict[str, Sequence[Labels]] = {
        "inputs": (THINGS, FEATURES),
        "hidden.0.weight": (FEATURES, NODES),
        "hidden.0.bias": (NODES,),
        "hidden.0.out": (THINGS, NODES),
        "hidden.0.act.out": (THINGS, NODES),
        "output.weight": (NODES, LABELS),
        "output.bias": (LABELS,),
        "output.out": (THINGS, LABELS),
    }
    parted = [(name, name.partition(".")[2]) for name in tape]
    others = ("probabilities.out", "sign_probabilities.out", "one.out", "one_biased.out")
    return (
        {name: ends[end] for name, end in parted if end in ends}
        | {"sign.output.weight": (NODES, None), "sign.output.out": (THINGS, None)}
        | dict.fromkeys(others, (THINGS, LABELS))
        | {"one.weight": (FEATURES, LABELS), "one_biased.bias": (LABELS,)}
    )


WHOLE = Shown(network(bias=True, activation="relu"), None, as_text(INPUTS, LABELS))
LEAF_OR_FLOWER = Demonstration(TITLE, ABOUT, _walkthrough, lambda: WHOLE)
