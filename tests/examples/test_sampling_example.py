"""What the example on sampling shows, worked out again; two beams find what greedy misses."""

import math
from itertools import pairwise, product

import numpy as np
import torch

from pellucid.examples.humpty_dumpty import ALPHABET
from pellucid.examples.sampling import TOP_P, trained
from pellucid.examples.two_beams import CONFIG, LENGTH, PROMPT, WIDTH, searched
from pellucid.tape import Tape
from tests.examples.walkthroughs import walkthrough_of

TAPE = walkthrough_of("sampling").tape


def chances(scores: list[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def test_the_likeliest_is_wrong_and_the_right_one_is_a_close_second():
    first, second = TAPE["best"].tolist()[:2]
    assert ALPHABET.decode([first, second]) == "um"
    probs = TAPE["plain.out"][0]
    assert 1 < float(probs[first] / probs[second]) < 1.1


def test_temperature_top_k_and_top_p_are_softmax_of_what_is_left():
    logits = TAPE["network.logits"][0].tolist()
    best = TAPE["best"].tolist()
    for row, temperature in zip(TAPE["temperatures"].tolist(), (0.5, 1, 2), strict=True):
        whole = chances([score / temperature for score in logits])
        np.testing.assert_allclose(row, [whole[token] for token in best], rtol=1e-12)
    for name, kept in (("top_k", 3), ("top_p", 5)):
        expected = chances([logits[token] for token in best[:kept]])
        np.testing.assert_allclose(TAPE[f"{name}.out"].tolist(), expected, rtol=1e-12)
    plain = chances(logits)
    assert sum(plain[token] for token in best[:4]) < TOP_P <= sum(plain[t] for t in best[:5])


def test_two_beams_find_a_likelier_text_than_greedy():
    model, _ = trained()
    greedy, found = searched(model, 1, Tape()), searched(model, WIDTH, Tape())
    assert greedy.texts == ("humpty duupty",)
    assert found.texts == ("humpty dumpty", "humpty duupty")
    for name, one in (("greedy", greedy), ("beam", found)):
        ids = ALPHABET.encode(one.texts[0])
        total = 0.0
        for end in range(len(PROMPT), len(PROMPT) + LENGTH):
            logits = model.forward(torch.tensor(ids[end - CONFIG.window : end]))
            total += math.log(chances(logits.tolist())[ids[end]])
        np.testing.assert_allclose(one.sums[0], total, rtol=1e-12)
        np.testing.assert_allclose(float(TAPE[f"{name}_sum"]), total, rtol=1e-12)


def test_a_beam_keeps_the_two_best_of_all_that_could_follow():
    model, _ = trained()
    rounds = searched(model, WIDTH, Tape()).rounds
    for before, after in pairwise(rounds):
        logs = before.logits.log_softmax(-1).tolist()
        sums = {
            text + ALPHABET.decode([token]): so_far + logs[row][token]
            for (row, (text, so_far)), token in product(
                enumerate(zip(before.texts, before.sums, strict=True)), range(27)
            )
        }
        assert list(after.texts) == sorted(sums, key=lambda text: -sums[text])[:WIDTH]
        np.testing.assert_allclose(after.sums, [sums[text] for text in after.texts], rtol=1e-12)
