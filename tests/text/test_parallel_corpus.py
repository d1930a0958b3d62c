"""Pairs as batches: what a row holds, that batches fill their size, and that all rows come up."""

from collections import Counter

import pytest
import torch

from pellucid.errors import TextError
from pellucid.layers import IGNORE
from pellucid.text import Characters
from pellucid.text.parallel import BOS, EOS, PAD, SEP, ParallelText, train_parallel_bpe
from pellucid.text.parallel_corpus import STEP, ParallelCorpus
from pellucid.text.parallel_rows import Form, parallel_row, special, text_ids

PAIRS = [ParallelText("a" * n + "b" * (n % 3), "c" * (n % 5 + 1)) for n in range(1, 40)]
TOKENIZER = train_parallel_bpe(PAIRS[:1], 260)  # bytes alone: a token a character
PAD_ID, BOS_ID, SEP_ID, EOS_ID = (special(TOKENIZER, mark) for mark in (PAD, BOS, SEP, EOS))


def corpus(form: Form = "transformer", block_size: int = 64) -> ParallelCorpus:
    return ParallelCorpus.from_pairs(PAIRS, PAIRS[:7], TOKENIZER, form=form, block_size=block_size)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_row_for_the_encoder_decoder():
    a, b = text_ids(TOKENIZER, "a"), text_ids(TOKENIZER, "a b")[2:]
    c, d = text_ids(TOKENIZER, "c"), text_ids(TOKENIZER, "c d")[2:]
    row = parallel_row(TOKENIZER, ParallelText("a b", "c d"), "transformer")
    assert row == ([*a, *b, EOS_ID], [BOS_ID, *c, *d], [*c, *d, EOS_ID])


def test_a_row_for_a_gpt_has_targets_from_the_separator_on():
    a, b = text_ids(TOKENIZER, "a"), text_ids(TOKENIZER, "a b")[2:]
    c, d = text_ids(TOKENIZER, "c"), text_ids(TOKENIZER, "c d")[2:]
    row = parallel_row(TOKENIZER, ParallelText("a b", "c d"), "gpt")
    assert row == ([*a, *b, SEP_ID, *c, *d], [IGNORE] * 4 + [*c, *d, EOS_ID])


@pytest.mark.parametrize("form", ["transformer", "gpt"])
def test_a_batch_is_rows_of_the_corpus_filled_up_at_the_end(form: Form):
    rows = [parallel_row(TOKENIZER, pair, form) for pair in PAIRS]
    drawn = corpus(form).batch(100, generator())
    *given, targets = drawn
    for place in range(len(targets)):
        parts = [part[place].tolist() for part in drawn]
        matching = [
            row
            for row in rows
            if all(part[: len(own)] == own for part, own in zip(parts, row, strict=True))
        ]
        assert matching
        row = max(matching, key=lambda row: len(row[0]))
        assert all(
            set(part[len(own) :]) <= {PAD_ID} for part, own in zip(parts, row[:-1], strict=False)
        )
        assert set(parts[-1][len(row[-1]) :]) <= {IGNORE}
    assert all(part.shape[0] == targets.shape[0] for part in given)


def test_a_batch_fills_its_size_with_rows_of_about_equal_length():
    for seed in range(50):
        source, tokens, _ = corpus().batch(100, generator(seed))
        lengths = torch.maximum((source != PAD_ID).sum(-1), (tokens != PAD_ID).sum(-1))
        assert lengths.max() - lengths.min() < STEP
        assert lengths.max() * len(source) <= 100 < (lengths.max() + 2 * STEP) * (len(source) + 1)


def test_every_row_is_drawn_about_equally_often():
    drawn: Counter[int] = Counter()
    source_of = {
        tuple(parallel_row(TOKENIZER, pair, "transformer")[0]): i for i, pair in enumerate(PAIRS)
    }
    one, draws = corpus(), generator(3)
    for _ in range(4000):
        source, *_ = one.batch(200, draws)
        for row in source.tolist():
            drawn[source_of[tuple(token for token in row if token != PAD_ID)]] += 1
    counts = [drawn[place] for place in range(len(PAIRS))]
    mean = sum(counts) / len(counts)
    assert min(counts) > 0.7 * mean
    assert max(counts) < 1.3 * mean


def test_the_share_of_extra_pairs_falls_to_nothing():
    long, short = [ParallelText("a" * 30, "c")], [ParallelText("b", "c")]
    both = ParallelCorpus.from_pairs(
        long,
        short,
        TOKENIZER,
        form="transformer",
        block_size=64,
        extra=short,
        extra_share=0.8,
    )
    draws = generator()
    for done, share in ((0.0, 0.8), (0.4, 0.8), (0.6, 0.4), (0.8, 0.0), (1.0, 0.0)):
        extra = sum(both.batch(64, draws, done=done)[0].shape[1] < 10 for _ in range(1000))
        assert abs(extra / 1000 - share) < 0.05 * (share > 0) + 1e-9


def test_the_same_generator_gives_the_same_batches():
    first, again = corpus().batch(90, generator(5)), corpus().batch(90, generator(5))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_validation_has_every_row_once():
    rows = []
    for source, tokens, targets in corpus().validation_batches(30):
        assert len(source) == 1 or source.numel() <= 30
        assert tokens.shape == targets.shape
        rows += [[token for token in row if token != PAD_ID] for row in source.tolist()]
    expected = [parallel_row(TOKENIZER, pair, "transformer")[0] for pair in PAIRS[:7]]
    assert sorted(rows) == sorted(expected)


def test_pairs_longer_than_the_positions_are_left_out_and_some_must_stay():
    short = corpus(block_size=12)
    draws = generator()
    assert all(short.batch(50, draws)[0].shape[1] <= 12 for _ in range(40))
    with pytest.raises(TextError, match="the training part must hold a pair of at most 1 tokens"):
        corpus(block_size=1)


def test_a_tokenizer_without_the_special_tokens_is_refused():
    with pytest.raises(TextError, match=r"special token <\|endoftext\|>"):
        parallel_row(Characters.from_text("abc <>|endoftxEOS"), PAIRS[0], "transformer")


@pytest.mark.parametrize("form", ["transformer", "gpt"])
def test_marks_in_a_text_are_its_own_words(form: Form):
    text = f"a {SEP} b {PAD} {EOS}{BOS}"
    assert TOKENIZER.decode(text_ids(TOKENIZER, text)) == f" {text}"
    marks = {PAD_ID, BOS_ID, SEP_ID, EOS_ID}
    row = parallel_row(TOKENIZER, ParallelText(text, text), form)
    found = [[token for token in part if token in marks] for part in row]
    assert found == ([[SEP_ID], [EOS_ID]] if form == "gpt" else [[EOS_ID], [BOS_ID], [EOS_ID]])
