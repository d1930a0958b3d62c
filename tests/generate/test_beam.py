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


# -- beside transformers, and when a beam ends -----------------------------------------------------


@pytest.mark.parametrize(("early", "theirs"), [(True, True), (False, "never")])
def test_a_beam_finds_what_transformers_finds(early: bool, theirs: bool | str):
    """Without a penalty for length, in which the two differ."""
    transformers = pytest.importorskip("transformers")
    size, end = 7, 6
    config = transformers.GPT2Config(
        vocab_size=size,
        n_positions=12,
        n_embd=8,
        n_layer=1,
        n_head=2,
        eos_token_id=end,
        pad_token_id=end,
    )
    for seed in range(8):
        torch.manual_seed(seed)
        model = transformers.GPT2LMHeadModel(config).double().eval()
        model.lm_head.weight.data = torch.randn(size, 8, dtype=torch.float64) / 2
        texts = [[0, 1]]

        def logits(texts: list[list[int]]) -> Tensor:
            with torch.no_grad():
                return model(torch.tensor(texts)).logits[:, -1]  # noqa: B023 (called in the loop)

        def advance(tokens: Tensor, rows: Tensor) -> Tensor:
            texts[:] = [  # noqa: B023
                [*texts[row], token]  # noqa: B023
                for token, row in zip(tokens.tolist(), rows.tolist(), strict=True)
            ]
            return logits(texts)  # noqa: B023

        (found,) = beam_search(
            logits(texts), advance, width=3, alpha=0, end=end, max_new_tokens=6, early=early
        )
        expected = model.generate(
            torch.tensor([[0, 1]]),
            attention_mask=torch.ones(1, 2, dtype=torch.int64),
            num_beams=3,
            num_return_sequences=3,
            do_sample=False,
            max_new_tokens=6,
            early_stopping=theirs,
            length_penalty=0.0,
            return_dict_in_generate=True,
            output_scores=True,
        )
        written = [[t for t in row[2:] if t != end] for row in expected.sequences.tolist()]
        assert [list(hypothesis.tokens) for hypothesis in found] == written
        scores = torch.tensor([hypothesis.score for hypothesis in found])
        torch.testing.assert_close(expected.sequences_scores.float(), scores)


def test_a_beam_that_does_not_end_early_finds_no_worse_text_and_sometimes_a_better():
    better = 0
    for seed in range(40):
        scores = []
        for early in (True, False):
            known = Known(1, seed)
            ((best, *_),) = beam_search(
                known.first(),
                known.advance,
                width=2,
                alpha=1.0,
                end=END,
                max_new_tokens=LONGEST,
                early=early,
            )
            scores.append(best.score)
        assert scores[1] >= scores[0]
        better += scores[1] > scores[0] + 1e-9
    assert better > 3


def test_a_beam_goes_on_just_as_long_as_another_text_may_still_win():
    steps = []

    def advance(tokens: Tensor, rows: Tensor) -> Tensor:
        steps.append(len(tokens))
        return torch.tensor([[-50.0, -50.0, -50.0, 0.0]] * len(tokens))

    def calls(ends: float, other: float, early: bool) -> int:
        steps.clear()
        rest = 1 - ends - other
        first = torch.tensor([[other, rest / 2, rest / 2, ends]]).log()
        beam_search(first, advance, width=1, alpha=1.0, end=END, max_new_tokens=7, early=early)
        return len(steps)

    # ln 0.5 = -0.69. Of 7 tokens, ln 0.4 = -0.92 counts half, and ln 0.2 = -1.61 does.
    assert calls(0.5, 0.4, early=True) == 0
    assert calls(0.5, 0.4, early=False) == 1
    assert calls(0.5, 0.2, early=False) == 0


def test_the_length_penalty_is_the_paper_s():
    """Equation 14 of Wu et al. 2016, written once more; values by hand."""
    for length, alpha, value in ((1, 0.6, 1), (7, 1.0, 2), (13, 1.0, 3), (19, 0.5, 2), (9, 0.0, 1)):
        assert length_penalty(length, alpha) == pytest.approx(value, rel=1e-15)
    assert length_penalty(4, 0.6) == pytest.approx(1.5**0.6)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 3.0])
def test_a_score_counts_the_token_that_ends_a_text(alpha: float):
    shares = [[0.2, 0.6, 0.1, 0.1], [0.1, 0.1, 0.7, 0.1], [0.1, 0.05, 0.05, 0.8]]
    rows, table = torch.tensor(shares[:1]).log(), torch.tensor(shares).log()
    ((best, *_),) = beam_search(
        rows, lambda tokens, _: table[tokens], width=1, alpha=alpha, end=END, max_new_tokens=6
    )
    assert best.log_prob == pytest.approx(math.log(0.6 * 0.7 * 0.8), rel=1e-6)
    assert best.tokens == (1, 2)
    assert best.score == pytest.approx(best.log_prob / ((5 + 3) / 6) ** alpha, rel=1e-12)
    ((cut, *_),) = beam_search(
        rows, lambda tokens, _: table[tokens], width=1, alpha=alpha, end=END, max_new_tokens=2
    )
    assert cut.tokens == (1, 2)
    assert cut.score == pytest.approx(cut.log_prob / ((5 + 2) / 6) ** alpha, rel=1e-12)


def test_as_many_go_on_as_the_beam_is_wide_though_some_end():
    """Of 2K candidates K may end: with fewer looked at, none would be left beside them."""
    first = torch.tensor([[0.0, -1.0, -2.0, 1.0]])
    seen = []

    def advance(tokens: Tensor, rows: Tensor) -> Tensor:
        seen.append(tokens.tolist())
        return torch.tensor([[0.0, -1.0, -2.0, 1.0]] * len(tokens))

    beam_search(first, advance, width=2, alpha=0.0, end=END, max_new_tokens=3)
    assert seen[0] == [0, 1]


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
@pytest.mark.parametrize("step", [0, 1])
def test_over_logits_that_are_no_numbers_nothing_is_searched(wrong: float, step: int):
    good, bad = torch.zeros(1, V), torch.zeros(1, V)
    bad[0, 2] = wrong

    def advance(tokens: Tensor, _: Tensor) -> Tensor:
        return bad.expand(len(tokens), V)

    with pytest.raises(ConfigError, match="logits must be numbers, and the model's are NaN or inf"):
        beam_search(good if step else bad, advance, width=2, alpha=1.0, end=END, max_new_tokens=3)


def test_a_token_that_cannot_be_is_no_mistake():
    logits = torch.tensor([[0.0, -math.inf, 1.0, -math.inf]])
    (found,) = beam_search(
        logits, lambda t, _: logits.expand(len(t), V), width=2, alpha=1.0, end=0, max_new_tokens=2
    )
    assert all(1 not in text.tokens for text in found)


def test_the_penalty_is_that_of_the_paper():
    for length, alpha, expected in ((1, 0.6, 1.0), (7, 1.0, 2.0), (13, 2.0, 9.0), (3, 0.0, 1.0)):
        assert length_penalty(length, alpha) == pytest.approx(expected)


def test_of_twice_as_many_candidates_enough_are_left_when_some_end():
    """The likeliest ends at once; of the two behind it, the second leads to the likelier text."""
    first = torch.tensor([[4.0, 3.9, -9.0, 5.0]])
    after = {0: torch.zeros(V), 1: torch.tensor([-9.0, -9.0, -9.0, 9.0])}

    def advance(tokens: Tensor, _: Tensor) -> Tensor:
        return torch.stack([after[token] for token in tokens.tolist()])

    (found,) = beam_search(first, advance, width=2, alpha=0.0, end=END, max_new_tokens=2)
    assert [text.tokens for text in found] == [(), (1,)]


@pytest.mark.parametrize(("early", "second"), [(True, (1,)), (False, (0, 0))])
def test_a_beam_goes_on_while_its_worst_text_may_still_be_replaced(
    early: bool, second: tuple[int, ...]
):
    first = torch.tensor([[0.3, 0.09, 0.01, 0.6]]).log()  # the end is the best of all
    twice = []

    def advance(tokens: Tensor, rows: Tensor) -> Tensor:
        twice.append(len(tokens))
        likely_end, likely_zero = [0.05, 0.02, 0.03, 0.9], [0.9, 0.03, 0.02, 0.05]
        went_on = [likely_zero if token == 0 else likely_end for token in tokens.tolist()]
        return torch.tensor(went_on if len(twice) == 1 else [likely_end] * len(tokens)).log()

    (found,) = beam_search(
        first, advance, width=2, alpha=0.0, end=END, max_new_tokens=9, early=early
    )
    assert [hypothesis.tokens for hypothesis in found] == [(), second]
