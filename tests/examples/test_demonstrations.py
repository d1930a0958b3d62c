"""Known answers of the demonstrations, each worked out a second time in plain Python."""

import math
import re
from itertools import product

import numpy as np
import pytest
import torch

from pellucid.examples import find_example
from pellucid.examples.humpty_dumpty import OTHER, SENTENCE
from tests.examples.walkthroughs import walkthrough_of

NAMES = (
    "humpty_dumpty",
    "self_attention",
    "softmax",
    "layer_norm_residual",
    "dropout",
    "positions",
    "linear_maps",
    "tokenizers",
    "optimizers",
    "sampling",
    "encoder_decoder",
)


def array(name: str, value: str) -> np.ndarray:
    return walkthrough_of(name).tape[value].numpy()


def says(name: str, title: str) -> str:
    steps = [step for part in walkthrough_of(name).parts for step in part.steps]
    (found,) = [step.says for step in steps if title in step.title]
    return found


def close(got: np.ndarray, expected: object, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(got, np.array(expected), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_on_the_tape_and_the_steps_are_numbered(name: str):
    steps = [step for part in walkthrough_of(name).parts for step in part.steps]
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    for step in steps:
        assert all(value in walkthrough_of(name).tape for value in step.names), step.title


@pytest.mark.thinned(3)
@pytest.mark.parametrize("name", NAMES)
def test_two_runs_are_the_same(name: str):
    again = find_example(name).walkthrough()
    assert again.parts == walkthrough_of(name).parts


# -- softmax --------------------------------------------------------------------------------------


def test_a_capped_wish_prefers_the_wrong_network_and_softmax_the_right_one():
    close(array("softmax", "distance"), [abs(5 - 1) + abs(1 - 0), abs(0 - 1) + abs(1 - 0)])
    close(array("softmax", "capped_distance"), [1, 2])
    rows = [[math.exp(a) / (math.exp(a) + math.exp(b)) for a, b in ((5, 1), (0, 1))]]
    probs = [[p, 1 - p] for p in rows[0]]
    close(array("softmax", "softmax.out"), probs)
    close(array("softmax", "sums"), [1, 1])
    close(array("softmax", "softmax_distance"), [2 * (1 - p) for p, _ in probs])
    close(array("softmax", "entropy.losses"), [-math.log(p) for p, _ in probs])
    assert "its loss is 5." in says("softmax", "greater loss")
    assert "its loss is only 2:" in says("softmax", "greater loss")


def test_exp_of_1000_overflows_unless_the_maximum_is_subtracted():
    with pytest.raises(OverflowError):
        math.exp(1000)
    assert np.isinf(array("softmax", "exps")).all()
    assert np.isnan(array("softmax", "quotient")).all()
    powers = [1, math.exp(-1), math.exp(-2)]
    close(array("softmax", "stable.out"), [[power / sum(powers) for power in powers]])
    assert "nan" in says("softmax", "formula stands")


def test_the_logistic_is_softmax_of_two():
    logistic = [1 / (1 + math.exp(-z)) for z in (-2, -1, 0, 1, 2)]
    close(array("softmax", "logistic"), logistic)
    close(array("softmax", "two_way.out")[:, 0], logistic)


# -- self-attention -------------------------------------------------------------------------------


def attended(x: list[list[float]]) -> tuple[list[float], list[float]]:
    """u and the output, sum by sum."""
    tape = walkthrough_of("self_attention").tape
    w_k, w_q, w_v = (tape[name].tolist() for name in ("W_k", "W_q", "W_v"))

    def times(row: list[float], matrix: list[list[float]]) -> list[float]:
        return [
            sum(a * w[j] for a, w in zip(row, matrix, strict=True)) for j in range(len(matrix[0]))
        ]

    q = times(x[-1], w_q)
    scores = [sum(a * b for a, b in zip(q, times(row, w_k), strict=True)) for row in x]
    exps = [math.exp(score) for score in scores]
    u = [e / sum(exps) for e in exps]
    values = [times(row, w_v) for row in x]
    return u, [sum(a * v[j] for a, v in zip(u, values, strict=True)) for j in range(2)]


def test_three_words_attend_as_the_sums_say():
    x = walkthrough_of("self_attention").tape["x"].tolist()
    u, output = attended(x)
    close(array("self_attention", "u.out"), [u])
    close(array("self_attention", "mixed.out"), [output])
    close(array("self_attention", "again.z"), [output])
    scores = np.log(np.array(u) / u[0]) / math.sqrt(2)
    close(array("self_attention", "scaled.att"), [np.exp(scores) / np.exp(scores).sum()])
    assert u[0] > 1.5 * u[1] > 1.5 * u[2], "three different shares"


def test_the_order_counts_only_with_positions():
    x = walkthrough_of("self_attention").tape["x"].tolist()
    swapped = [x[1], x[0], x[2]]
    _, output = attended(x)
    close(array("self_attention", "without"), [output, output])
    waves = [[math.sin(p), math.cos(p), math.sin(p / 10000 ** (2 / 3))] for p in range(3)]
    placed = [
        [[a + b for a, b in zip(*pair, strict=True)] for pair in zip(order, waves, strict=True)]
        for order in (x, swapped)
    ]
    both = [attended(rows)[1] for rows in placed]
    close(array("self_attention", "with"), both)
    assert max(abs(a - b) for a, b in zip(*both, strict=True)) > 0.5
    assert "two outputs differ by" in says("self_attention", "Without positions")


# -- positions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "paired"), [("paired", True), ("own", False)])
def test_the_sinusoids_are_those_of_the_formulas(table: str, paired: bool):
    expected = [
        [
            (math.cos if i % 2 else math.sin)(p / 10000 ** ((i - i % 2 * paired) / 8))
            for i in range(8)
        ]
        for p in range(5)
    ]
    close(array("positions", table), expected)


def test_p_itself_drowns_the_word():
    close(array("positions", "itself_length"), [p * math.sqrt(8) for p in (1, 10, 100, 1000)], 1e-9)
    words = array("positions", "embed.out")[:2]
    for p, alike in zip((1, 10, 100, 1000), array("positions", "itself_alike"), strict=True):
        one, other = words + p
        cosine = one @ other / math.sqrt((one @ one) * (other @ other))
        assert alike == pytest.approx(cosine, abs=1e-12)
    assert array("positions", "itself_alike")[-1] > 0.9999 > array("positions", "sines_alike").max()


def test_a_share_of_the_length_changes_with_the_length():
    close(array("positions", "share_first"), [1 / n for n in (3, 4, 10, 100)])
    gaps = [np.linalg.norm(np.full(8, 2 / n) - np.full(8, 1 / n)) for n in (3, 4, 10, 100)]
    close(array("positions", "share_gap"), gaps)


def test_in_pairs_the_product_depends_on_the_distance_alone():
    paired = sum(math.cos(3 / 10000 ** (2 * i / 8)) for i in range(4))
    close(array("positions", "dots")[0], [paired] * 4)
    own = [
        sum(
            (math.cos if i % 2 else math.sin)(p / 10000 ** (i / 8))
            * (math.cos if i % 2 else math.sin)((p + 3) / 10000 ** (i / 8))
            for i in range(8)
        )
        for p in (0, 10, 100, 900)
    ]
    close(array("positions", "dots")[1], own)
    assert max(own) - min(own) > 0.5
    close(array("positions", "sines_length"), np.full(1001, 2.0))


def test_a_position_that_no_text_reaches_learns_nothing():
    close(array("positions", "dwpe.weight"), [[1] * 8] * 3 + [[0] * 8])


# -- linear maps ----------------------------------------------------------------------------------


def test_two_linear_maps_are_one_and_with_relu_they_are_not():
    first, second = (
        [array("linear_maps", f"{name}.{part}") for part in ("weight", "bias")]
        for name in ("first", "second")
    )
    x = array("linear_maps", "x")
    close(array("linear_maps", "second.out"), (x @ first[0] + first[1]) @ second[0] + second[1])
    close(array("linear_maps", "one.out"), array("linear_maps", "second.out"))
    close(array("linear_maps", "one.weight"), [[4.25, -1.0], [-0.5, 3.0]])
    close(array("linear_maps", "one.bias"), [2.5, -3.0])

    def bent(x: np.ndarray) -> np.ndarray:
        return np.maximum(x @ first[0] + first[1], 0) @ second[0] + second[1]

    close(array("linear_maps", "test"), [[0, 0], bent(x[0]) + bent(-x[0]) - 2 * bent(0 * x[0])])
    close(array("linear_maps", "test")[1], [3.75, 0.75])


def test_the_value_and_output_maps_of_a_head_are_one():
    x, w_v, w_o, q, k = (array("linear_maps", name) for name in ("words", "W_v", "W_o", "q", "k"))
    side_by_side, folded = [], np.zeros((3, 4))
    for head in range(2):
        scores = q[head] @ k[head].T / math.sqrt(2)
        att = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        own = slice(2 * head, 2 * head + 2)
        side_by_side.append(att @ (x @ w_v[:, own]))
        folded += att @ (x @ (w_v[:, own] @ w_o[own]))
    close(array("linear_maps", "joined.out"), np.concatenate(side_by_side, 1) @ w_o)
    close(array("linear_maps", "total"), folded)
    close(folded, np.concatenate(side_by_side, 1) @ w_o)
    close(array("linear_maps", "deeper"), array("linear_maps", "at_once"))
    assert "98,304" in says("linear_maps", "one in each head")
    assert "589,824" in says("linear_maps", "one in each head")


# -- dropout --------------------------------------------------------------------------------------


def test_both_forms_of_dropout_are_the_same_in_expectation():
    x, p = [2.0, -1.0, 0.5, 4.0], 0.25
    published, inverted, total = [0.0] * 4, [0.0] * 4, 0.0
    for kept in product([1, 0], repeat=4):
        chance = math.prod(1 - p if k else p for k in kept)
        total += chance
        for node, k in enumerate(kept):
            published[node] += chance * x[node] * k
            inverted[node] += chance * x[node] * k / (1 - p)
    assert total == pytest.approx(1)
    close(array("dropout", "published.mean.out"), [published])
    close(array("dropout", "published.inference.out"), [[0.75 * value for value in x]])
    close(array("dropout", "inverted.mean.out"), [inverted])
    close(np.array(inverted), x)
    close(array("dropout", "published.weights_scaled.out"), [[0.75]])
    assert len(array("dropout", "keep")) == 16


def test_behind_a_bend_the_mean_is_another():
    x, w, p = (2.0, -1.0, 0.5, 4.0), (0.5, 1.0, -2.0, 0.5), 0.25
    plain = bent = 0.0
    for kept in product([1, 0], repeat=4):
        node = sum(a * b * k / (1 - p) for a, b, k in zip(x, w, kept, strict=True))
        chance = math.prod(1 - p if k else p for k in kept)
        plain, bent = plain + chance * node, bent + chance * max(node, 0)
    close(array("dropout", "means"), [[plain, bent], [1, 1]])
    assert bent > 1.2


# -- layer norm and residual connections ----------------------------------------------------------


def test_layer_norm_takes_the_population_s_deviation():
    row = [2, 4, 4, 4, 5, 5, 7, 9]
    close(array("layer_norm_residual", "deviations"), [2, math.sqrt(32 / 7)])
    close(array("layer_norm_residual", "ln.xhat"), [[(value - 5) / 2 for value in row]])
    sample = [[(value - 5) / math.sqrt(32 / 7) for value in row]]
    close(array("layer_norm_residual", "sample"), sample)
    close(array("layer_norm_residual", "moved.out"), array("layer_norm_residual", "ln.xhat"))
    close(array("layer_norm_residual", "back.out"), [row])


def test_a_residual_connection_keeps_the_gradient_alive():
    tape = walkthrough_of("layer_norm_residual").tape
    weights = [tape[f"plain.{layer}.map.weight"].numpy() for layer in range(24)]
    start = torch.randn(1, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    start = (start / start.norm()).numpy()[0]
    plain, residual = start, start
    for weight in reversed(weights):
        plain = weight @ plain
        residual = residual + weight @ residual
    gradients = array("layer_norm_residual", "gradients")
    close(gradients[:2, 0], [np.linalg.norm(plain), np.linalg.norm(residual)])
    assert gradients[0, 0] < 1e-6 < 1 < gradients[1:, 0].min()

    x = tape["both.0.ln.x"].clone().requires_grad_()
    out = x
    for weight in weights:
        normed = torch.nn.functional.layer_norm(out, (8,))
        out = out + normed @ torch.from_numpy(weight)
    (gradient,) = torch.autograd.grad(out, x, torch.from_numpy(start)[None])
    assert gradients[2, 0] == pytest.approx(float(gradient.norm()), rel=1e-9)


# -- humpty dumpty --------------------------------------------------------------------------------


def test_humpty_dumpty_is_recited_in_both_forms_and_reused():
    parts = walkthrough_of("humpty_dumpty").parts
    recited = [s.says for part in parts for s in part.steps if "slides" in s.title]
    assert [f"'{SENTENCE}'." in text for text in recited] == [True, True]
    assert says("humpty_dumpty", "Saved").endswith(f"writes: '{OTHER}'.")
    for form in ("numbers", "vectors"):
        assert int(array("humpty_dumpty", f"{form}.probs").argmax()) == ord("y") - 96
        assert array("humpty_dumpty", f"{form}.probs").shape == (1, 27)
        assert array("humpty_dumpty", f"{form}.before")[25] < 0.5, "y, before it was learned"
        assert array("humpty_dumpty", f"{form}.probs")[0, 25] > 0.9
        curve = array("humpty_dumpty", f"{form}.curve")
        assert curve[0] > 3
        assert curve[-1] < 0.05
        assert len(array("humpty_dumpty", f"{form}.best")) == 15
    slid = next(s.lines for part in parts for s in part.steps if "slides" in s.title)
    assert [line[:16] for line in slid[:3]] == [
        "humpty␣dumpt → y",
        "umpty␣dumpty → ␣",
        "mpty␣dumpty␣ → s",
    ]
    assert "".join(line[15] for line in slid) == SENTENCE[12:].replace(" ", "␣")


def test_number_codes_are_a_1_and_b_2_divided_by_27():
    codes = [0 if c == " " else ord(c) - 96 for c in SENTENCE[:12]]
    assert codes[:3] == [8, 21, 13]
    close(array("humpty_dumpty", "numbers.windows"), [codes])
    close(array("humpty_dumpty", "numbers.inputs"), [[code / 27 for code in codes]])
    assert array("humpty_dumpty", "vectors.inputs").shape == (1, 120)


def test_the_table_is_looked_up_and_reused_as_it_is():
    table = array("humpty_dumpty", "vectors.wte.weight")
    close(array("humpty_dumpty", "looked_up_h"), table[8:9], 0)
    close(array("humpty_dumpty", "product_h"), table[8:9], 0)
    close(array("humpty_dumpty", "loaded"), table, 0)
    differences = re.findall(r"differs? by (\S+?)[\s.]", says("humpty_dumpty", "Saved"))
    assert differences == ["0", "0"]


def test_what_reusing_gains_is_mostly_size():
    small, reused, large = array("humpty_dumpty", "compared")
    assert (reused < small / 2).all()
    assert (abs(large - reused) < (small - reused) / 5).all()
