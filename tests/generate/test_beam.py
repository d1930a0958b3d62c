"""Beam search against all texts there are, for models whose every probability is known."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.generate import Hypothesis, beam_search
from pellucid.generate.beam import Advance, length_penalty

V, END, LONGEST = 4, 3, 4


class Known:
    """A language whose next logits depend on the whole text, drawn once for each text."""

    def __init__(self, rows: int, seed: int) -> None:
        self.seed = seed
        self.texts: list[tuple[int, ...]] = [()] * rows
        self.starts = list(range(rows))

    def logits(self, start: int, text: tuple[int, ...]) -> Tensor:
        seed = hash((self.seed, start, text)) % (1 << 31)
        return 1.5 * torch.randn(V, generator=torch.Generator().manual_seed(seed))

    def first(self) -> Tensor:
        return torch.stack(
            [self.logits(s, t) for s, t in zip(self.starts, self.texts, strict=True)]
        )

    def advance(self, tokens: Tensor, rows: Tensor) -> Tensor:
        chosen = list(zip(rows.tolist(), tokens.tolist(), strict=True))
        self.texts = [(*self.texts[row], token) for row, token in chosen]
        self.starts = [self.starts[row] for row, _ in chosen]
        return self.first()

    def log_prob(self, start: int, text: tuple[int, ...]) -> float:
        total = 0.0
        for place, token in enumerate(text):
            total += float(self.logits(start, text[:place]).double().log_softmax(-1)[token])
        return total


def all_texts(known: Known, start: int, alpha: float) -> list[Hypothesis]:
    """Every text of at most LONGEST tokens, the end included, best first."""
    found = []
    for length in range(LONGEST + 1):
        for text in itertools.product(range(END), repeat=length):
            ends = length < LONGEST
            tokens = (*text, END) if ends else text
            log_prob = known.log_prob(start, tokens)
            found.append(Hypothesis(text, log_prob, log_prob / length_penalty(len(tokens), alpha)))
    return sorted(found, key=lambda h: -h.score)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_a_beam_as_wide_as_the_vocabulary_finds_what_a_wide_enough_one_must(
    seed: int, alpha: float
):
    known = Known(2, seed)
    found = beam_search(
        known.first(), known.advance, width=V, alpha=alpha, end=END, max_new_tokens=2
    )
    for start in range(2):
        fresh = Known(2, seed)
        best = [
            Hypothesis(text, log_prob, log_prob / length_penalty(length, alpha))
            for text, length, log_prob in (
                [((), 1, fresh.log_prob(start, (END,)))]
                + [((a,), 2, fresh.log_prob(start, (a, END))) for a in range(END)]
                + [
                    ((a, b), 2, fresh.log_prob(start, (a, b)))
                    for a, b in itertools.product(range(END), repeat=2)
                ]
            )
        ]
        top = max(best, key=lambda h: h.score)
        assert found[start][0].tokens == top.tokens
        assert found[start][0].log_prob == pytest.approx(top.log_prob, abs=1e-5)
        assert found[start][0].score == pytest.approx(top.score, abs=1e-5)


def test_greedy_is_a_beam_of_one():
    for seed in range(10):
        known = Known(3, seed)
        found = beam_search(
            known.first(), known.advance, width=1, alpha=1.0, end=END, max_new_tokens=LONGEST
        )
        for start in range(3):
            text: tuple[int, ...] = ()
            fresh = Known(3, seed)
            while len(text) < LONGEST and (not text or text[-1] != END):
                text = (*text, int(fresh.logits(start, text).argmax()))
            (only,) = found[start]
            assert only.tokens == tuple(token for token in text if token != END)
            assert only.log_prob == pytest.approx(fresh.log_prob(start, text), abs=1e-5)


def test_what_a_beam_finds_is_scored_right_sorted_and_no_better_than_the_best():
    for seed in range(10):
        known = Known(2, seed)
        found = beam_search(
            known.first(), known.advance, width=3, alpha=0.6, end=END, max_new_tokens=LONGEST
        )
        for start in range(2):
            everything = {h.tokens: h for h in all_texts(Known(2, seed), start, 0.6)}
            scores = [h.score for h in found[start]]
            assert scores == sorted(scores, reverse=True)
            assert len({h.tokens for h in found[start]}) == len(scores) == 3
            for hypothesis in found[start]:
                assert hypothesis.score == pytest.approx(
                    everything[hypothesis.tokens].score, abs=1e-5
                )
            assert scores[0] <= max(h.score for h in everything.values()) + 1e-6


def test_a_wider_beam_finds_a_likelier_text_that_greedy_misses():
    better = 0
    for seed in range(30):
        scores = []
        for width in (1, 4):
            known = Known(1, seed)
            found = beam_search(
                known.first(), known.advance, width=width, alpha=0.0, end=END, max_new_tokens=3
            )
            scores.append(found[0][0].log_prob)
        better += scores[1] > scores[0] + 1e-9
    assert better > 3


def test_rows_do_not_disturb_each_other():
    """A row ends early, the other goes on: the same as each alone."""
    table = torch.full((V, V), -20.0)
    table[0, END], table[1, 2], table[2, 1] = 20.0, 20.0, 20.0

    def chain() -> Advance:
        return lambda tokens, rows: table[tokens]

    first = torch.stack([table[0], table[1]])
    both = beam_search(first, chain(), width=1, alpha=1.0, end=END, max_new_tokens=5)
    assert [found[0].tokens for found in both] == [(), (2, 1, 2, 1, 2)]


def test_the_length_penalty_makes_up_for_length():
    # A text that ends at once is likelier; one that says "1" first is so by the token.
    after = {(): [-5.0, -0.8, -5.0, -0.7], (1,): [-9.0, -9.0, -9.0, -0.001]}

    def advance(tokens: Tensor, rows: Tensor) -> Tensor:
        return torch.tensor([after[(1,)]] * len(tokens))

    def best(alpha: float) -> tuple[int, ...]:
        first = torch.tensor([after[()]])
        return beam_search(first, advance, width=2, alpha=alpha, end=END, max_new_tokens=3)[0][
            0
        ].tokens

    assert (best(0.0), best(1.0)) == ((), (1,))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"width": 0}, "beam must be from 1 to 4"),
        ({"width": 5}, "beam must be from 1 to 4"),
        ({"alpha": -1.0}, "length penalty"),
        ({"alpha": math.nan}, "length penalty"),
        ({"max_new_tokens": 0}, "max-new-tokens"),
    ],
)
def test_settings_out_of_range_are_refused(choices: dict[str, float], message: str):
    known = Known(1, 0)
    settings = {"width": 2, "alpha": 1.0, "end": END, "max_new_tokens": 3} | choices
    with pytest.raises(ConfigError, match=message):
        beam_search(known.first(), known.advance, **settings)
