"""Leaf or flower and its training: every known answer, worked out a second time without torch."""

import re
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from pellucid.examples import EXAMPLES
from pellucid.examples import leaf_or_flower as example
from pellucid.examples import leaf_or_flower_training as training
from pellucid.explain import explain
from pellucid.tape import Tape
from pellucid.walkthrough import Walkthrough
from tests.examples.walkthroughs import walkthrough_of

LEAF = [Decimal(text) for text in ("32", "107", "56", "11.2")]


def decimals(rows: list[list[float]]) -> list[list[Decimal]]:
    return [[Decimal(str(number)) for number in row] for row in rows]


def product(row: list[Decimal], weights: list[list[Decimal]]) -> list[Decimal]:
    return [
        sum((x * w for x, w in zip(row, column, strict=True)), Decimal(0))
        for column in zip(*weights, strict=True)
    ]


HIDDEN, OUTPUT = decimals(example.HIDDEN), decimals(example.OUTPUT)
THINGS = decimals(example.INPUTS)


@pytest.fixture(scope="module")
def walkthrough() -> Walkthrough:
    return walkthrough_of("leaf_or_flower")


@pytest.fixture(scope="module")
def training_walkthrough() -> Walkthrough:
    return walkthrough_of("leaf_or_flower_training")


def said(walkthrough: Walkthrough) -> str:
    """All that the walkthrough says and writes out."""
    steps = [step for part in walkthrough.parts for step in part.steps]
    return "\n".join([*(step.says for step in steps), *(line for s in steps for line in s.lines)])


# -- the network -----------------------------------------------------------------------------------


def test_the_known_weights_are_the_source_s():
    assert THINGS[0] == LEAF
    assert [row[0] for row in example.HIDDEN] == [0.10, -0.29, -0.07, 0.46]
    assert example.HIDDEN[0] == [0.10, 0.12, -0.36]
    assert example.HIDDEN[1] == [-0.29, -0.05, -0.21]
    assert [row[0] for row in example.OUTPUT] == [-0.17, 0.39, 0.1]


def test_the_nodes_are_the_source_s(walkthrough: Walkthrough):
    nodes = product(LEAF, HIDDEN)
    assert nodes == [Decimal("-26.598"), Decimal("4.65"), Decimal("-47.094")]
    assert [round(node, 1) for node in nodes[::2]] == [Decimal("-26.6"), Decimal("-47.1")]
    biased = [n + Decimal(str(b)) for n, b in zip(nodes, example.HIDDEN_BIAS, strict=True)]
    assert biased == [Decimal("-26.348"), Decimal("4.75"), Decimal("-47.1")]
    tape = walkthrough.tape
    assert tape["plain.hidden.0.out"][0].tolist() == pytest.approx(
        list(map(float, nodes)), abs=1e-12
    )
    assert tape["biased.hidden.0.out"][0].tolist() == pytest.approx(list(map(float, biased)))
    for figure in ("= -26.598", "= -26.348", "= -47.094", "= -47.1\n", "-26.6 and node 3 -47.1"):
        assert figure in said(walkthrough), figure


def test_no_finite_decimals_for_blue_and_volume_make_node_3_exactly_minus_47_1():
    rest = Fraction("-47.1") - 32 * Fraction("-0.36") - 107 * Fraction("-0.21")
    assert rest == Fraction("-13.11")
    # 56 b + 11.2 v = 11.2 (5 b + v): the bracket would have to be a fraction of sevenths.
    assert (rest / Fraction("11.2")).denominator % 7 == 0


@pytest.mark.parametrize("scheme", ["larger", "sign"])
@pytest.mark.parametrize("activation", ["none", "relu"])
@pytest.mark.parametrize("bias", [False, True])
def test_the_leaf_is_a_leaf_and_the_sunflower_a_flower(bias: bool, activation: str, scheme: str):
    model = example.network(bias=bias, activation=activation, scheme=scheme)
    tape = Tape()
    predicted = model.predict(example.INPUTS)
    model.forward(example.INPUTS, tape)
    assert [example.LABELS[number] for number in predicted] == ["leaf", "flower"]
    for thing, row in enumerate(THINGS):
        b1 = [Decimal(str(b)) if bias else Decimal(0) for b in example.HIDDEN_BIAS]
        b2 = [Decimal(str(b)) if bias else Decimal(0) for b in example.OUTPUT_BIAS]
        nodes = [n + b for n, b in zip(product(row, HIDDEN), b1, strict=True)]
        if activation == "relu":
            nodes = [max(node, Decimal(0)) for node in nodes]
        leaf, flower = (o + b for o, b in zip(product(nodes, OUTPUT), b2, strict=True))
        expected = [leaf - flower] if scheme == "sign" else [leaf, flower]
        got = tape["output.out"][thing].tolist()
        assert got == pytest.approx(list(map(float, expected)), abs=1e-12)
        assert (leaf > flower) == (thing == 0)


def test_with_relu_both_negative_nodes_of_the_leaf_become_0(walkthrough: Walkthrough):
    assert walkthrough.tape["bent.hidden.0.act.out"][0].tolist() == [0.0, pytest.approx(4.65), 0.0]


def test_without_relu_one_matrix_does_the_same(walkthrough: Walkthrough):
    one = [product(row, OUTPUT) for row in HIDDEN]
    assert one[0][0] == Decimal("0.10") * Decimal("-0.17") + Decimal("0.12") * Decimal(
        "0.39"
    ) - Decimal("0.36") * Decimal("0.1")
    assert (one[0][0], one[1][0]) == (Decimal("-0.0062"), Decimal("0.0088"))
    for row in THINGS:
        assert product(row, one) == product(product(row, HIDDEN), OUTPUT)
    for row, exact in zip(walkthrough.tape["one.weight"].tolist(), one, strict=True):
        assert row == pytest.approx(list(map(float, exact)), abs=1e-15)
    tape = walkthrough.tape
    for name, whole in (("one.out", "plain.output.out"), ("one_biased.out", "biased.output.out")):
        assert (tape[name] - tape[whole]).abs().max() < 1e-12
    assert "= -0.0062" in said(walkthrough)
    assert "= 0.0088" in said(walkthrough)


def test_with_relu_no_matrix_does(walkthrough: Walkthrough):
    def network(row: list[Decimal]) -> list[Decimal]:
        return product([max(node, Decimal(0)) for node in product(row, HIDDEN)], OUTPUT)

    together = [a + b for a, b in zip(*THINGS, strict=True)]
    both = zip(network(THINGS[0]), network(THINGS[1]), network(together), strict=True)
    gaps = [a + b - c for a, b, c in both]
    assert all(abs(gap) > 1 for gap in gaps)
    assert f"with ReLU     leaf {gaps[0]:.4f}  flower {gaps[1]:.4f}" in said(walkthrough)
    assert "without ReLU  leaf 0.0000  flower 0.0000" in said(walkthrough)


def test_the_two_schemes_have_the_same_probabilities(walkthrough: Walkthrough):
    two, one = walkthrough.tape["probabilities.out"], walkthrough.tape["sign_probabilities.out"]
    assert (two - one).abs().max() < 1e-15
    assert two.sum(1).tolist() == pytest.approx([1.0, 1.0])


# -- the training ----------------------------------------------------------------------------------


def test_the_loss_of_0_6_and_0_4_is_0_4(training_walkthrough: Walkthrough):
    assert float(training_walkthrough.tape["difference.loss"]) == pytest.approx(0.4, abs=1e-15)
    assert "|0.6 - 0.8| + |0.4 - 0.2| = 0.4" in said(training_walkthrough)


def test_every_weight_is_nudged_and_both_gradients_agree_with_plain_python(
    training_walkthrough: Walkthrough,
):
    model = training.beginning()
    params = {
        "hidden.0.weight": model.params["hidden"]["0"]["weight"].tolist(),
        "hidden.0.bias": [model.params["hidden"]["0"]["bias"].tolist()],
        "output.weight": model.params["output"]["weight"].tolist(),
        "output.bias": [model.params["output"]["bias"].tolist()],
    }
    columns = list(zip(*training.INPUTS, strict=True))
    means = [sum(column) / 6 for column in columns]
    stds = [
        (sum((x - m) ** 2 for x in column) / 6) ** 0.5
        for column, m in zip(columns, means, strict=True)
    ]
    row = [(x - m) / s for x, m, s in zip(training.INPUTS[0], means, stds, strict=True)]

    def loss() -> float:
        nodes = [
            max(0.0, sum(x * w for x, w in zip(row, column, strict=True)) + b)
            for column, b in zip(
                zip(*params["hidden.0.weight"], strict=True),
                params["hidden.0.bias"][0],
                strict=True,
            )
        ]
        outputs = [
            sum(x * w for x, w in zip(nodes, column, strict=True)) + b
            for column, b in zip(
                zip(*params["output.weight"], strict=True), params["output.bias"][0], strict=True
            )
        ]
        return sum(abs(o - w) for o, w in zip(outputs, training.WANTED[0], strict=True))

    lines = [line.split() for line in said(training_walkthrough).splitlines()]
    table = {
        words[0]: list(map(float, words[1:]))
        for words in lines
        if len(words) == 5 and words[0].endswith("]")
    }
    count = 0
    for name, rows in params.items():
        for i, numbers in enumerate(rows):
            for j, weight in enumerate(numbers):
                numbers[j] = weight + 1e-6
                ahead = loss()
                numbers[j] = weight - 1e-6
                slope = (ahead - loss()) / 2e-6
                numbers[j] = weight
                place = f"[{j}]" if name.endswith("bias") else f"[{i},{j}]"
                shown, nudged, formula, difference = table[f"dnetwork.{name}{place}"]
                assert shown == pytest.approx(weight, abs=6e-5)
                assert nudged == pytest.approx(slope, abs=2e-6)
                assert formula == pytest.approx(slope, abs=2e-6)
                assert difference < 1e-9
                count += 1
    assert count == len(table) == 4 * 3 + 3 + 3 * 2 + 2


def test_the_inputs_are_standardized_before_the_reader_s_eyes(training_walkthrough: Walkthrough):
    reds = [row[0] for row in training.INPUTS]
    mean = sum(reds) / 6
    std = (sum((red - mean) ** 2 for red in reds) / 6) ** 0.5
    text = said(training_walkthrough)
    assert f"(32 - {mean:.4f}) / {std:.4f} = {(32 - mean) / std:.4f}" in text
    assert "red from 32 to 237" in text
    shown = [
        name for part in training_walkthrough.parts for step in part.steps for name in step.names
    ]
    assert "network.standardize.out" in shown


def test_one_gradient_and_one_new_weight_are_written_out(training_walkthrough: Walkthrough):
    tape, text = training_walkthrough.tape, said(training_walkthrough)
    slopes = tape["dnetwork.hidden.0.weight"]
    found = re.search(r"(dnetwork\S+)\[(\d),(\d)\] = \(?(\S+?)\)? · \(?(\S+?)\)? = (\S+)", text)
    assert found is not None
    row, node = int(found[2]), int(found[3])
    given, back, slope = map(float, found.groups()[3:])
    assert given * back == pytest.approx(slope, abs=1e-3)
    assert slope == pytest.approx(float(slopes[row, node]), abs=6e-5)
    assert abs(slope) == pytest.approx(float(slopes.abs().max()), abs=6e-5)
    weight = float(training.beginning().params["hidden"]["0"]["weight"][row, node])
    new = weight - training.RATE * float(slopes[row, node])
    assert (
        f"network.hidden.0.weight.new[{row},{node}] = {weight:.4f} - {training.RATE:g} · " in text
    )
    assert f" = {new:.4f}" in text
    assert float(tape["network.hidden.0.weight.new"][row, node]) == pytest.approx(new)


def test_every_name_in_the_table_is_one_that_can_be_explained(training_walkthrough: Walkthrough):
    names = set(re.findall(r"d?network\.[\w.]+(?=\[)", said(training_walkthrough)))
    assert len(names) >= 5
    assert [name for name in names if name not in training_walkthrough.tape] == []
    assert explain(training_walkthrough.tape, "network.hidden.0.weight.new[0,2]").term is not None


def test_the_gradient_of_the_mean_loss_is_the_mean_of_the_gradients(
    training_walkthrough: Walkthrough,
):
    lines = said(training_walkthrough).splitlines()
    mean, together = (
        float(line.split()[-1]) for line in lines if line.startswith(("mean ", "all six "))
    )
    each = [float(line.split()[-1]) for line in lines if line.startswith(("leaf ", "flower "))]
    assert len(each) == 6
    assert sum(each) / 6 == pytest.approx(mean, abs=1e-4)
    assert mean == pytest.approx(together, abs=1e-4)
    assert min(each) < 0 < max(each)


@pytest.mark.parametrize("loss", ["difference", "cross-entropy"])
def test_the_loss_falls_epoch_by_epoch_and_all_six_are_told_apart(loss: str):
    course = training.trained(loss)
    losses = [value for value, _ in course]
    assert losses[-1] < 0.2 * losses[0]
    assert course[0][1].accuracy(training.INPUTS, training.CLASSES) < 1
    assert course[-1][1].accuracy(training.INPUTS, training.CLASSES) == 1
    rises = sum(b > a for a, b in pairwise(losses))
    assert (rises == 0) == (loss == "cross-entropy")


@pytest.mark.parametrize("activation", ["relu", "none"])
def test_gradients_vanish_and_explode_by_the_power_of_the_layers_between(activation: str):
    small, right, large = (
        training.depth_gradients(scale, activation) for scale in training.SCALES.values()
    )
    assert small[0] / small[-1] < 1e-3
    assert 0.1 < right[0] / right[-1] < 10
    assert large[0] / large[-1] > 500
    between = training.DEPTH - 1
    # ReLU and linear maps pass on any positive factor as it is.
    assert small[0] / small[-1] == pytest.approx(right[0] / right[-1] * 0.5**between, rel=1e-9)
    assert large[0] / large[-1] == pytest.approx(right[0] / right[-1] * 2**between, rel=1e-9)


def test_both_come_first_among_the_examples():
    assert EXAMPLES[:2] == ("leaf_or_flower", "leaf_or_flower_training")
