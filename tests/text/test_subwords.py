"""Spellings that vary: BPE where nothing is dropped, bytes where all is, and its odds between."""

from collections import Counter
from itertools import product
from random import Random

import pytest
import torch

from pellucid.errors import ConfigError
from pellucid.text.parallel import phrasebook, read_parallel, train_parallel_bpe
from pellucid.text.subwords import VARIANTS, Subwords, merged_with_dropout

PAIRS = read_parallel(phrasebook())
TEXTS = [f" {text}" for pair in PAIRS for text in pair]
TOKENIZER = train_parallel_bpe(PAIRS, 500)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_words_are_the_text_s_ids_pre_token_by_pre_token():
    for text in TEXTS:
        words = TOKENIZER.words(text)
        assert [token for word in words for token in word] == TOKENIZER.encode(text)
    assert [TOKENIZER.decode(word) for word in TOKENIZER.words(" Wo wohnst du?")] == [
        *(" Wo", " wohnst", " du", "?")
    ]


def test_without_dropout_the_merges_are_the_library_s():
    exact = Subwords(TOKENIZER, 0.0)
    for text in TEXTS:
        assert exact.spelled(exact.words(text), generator(), most=999) == TOKENIZER.encode(text)


def test_every_spelling_spells_the_same_text_and_more_dropout_gives_more_pieces():
    lengths = []
    for p in (0.0, 0.1, 0.5, 0.999999):
        subwords, draws, count = Subwords(TOKENIZER, p, seed=3), generator(), 0
        for text in TEXTS:
            ids = subwords.spelled(subwords.words(text), draws, most=999)
            assert TOKENIZER.decode(ids) == text
            count += len(ids)
        lengths.append(count)
    assert lengths == sorted(set(lengths))
    assert lengths[-1] == sum(len(text.encode()) for text in TEXTS)


def test_its_odds_are_those_of_passing_each_merge_over_with_p():
    # a b c: (a b) first, then (ab c); or (b c), which comes last, and then nothing.
    merges = {(0, 1): (0, 3), (3, 2): (1, 4), (1, 2): (2, 5)}
    p, draws = 0.3, Random(5).random
    found = Counter(merged_with_dropout((0, 1, 2), merges, p, draws) for _ in range(40_000))
    kept = 1 - p
    odds = {
        (4,): kept * kept,  # ab is merged, whatever bc's draw, and then abc
        (3, 2): kept * p,
        (0, 5): p * kept,
        (0, 1, 2): p * p,
    }
    for spelling, share in odds.items():
        assert found[spelling] / 40_000 == pytest.approx(share, abs=0.01), spelling
    assert sum(odds.values()) == pytest.approx(1)
    assert set(found) == set(odds)
    assert merged_with_dropout((0, 0, 0), {(0, 0): (0, 1)}, 0.0, draws) == (1, 0), "leftmost first"


def test_the_seed_settles_every_spelling_and_the_generator_which_is_taken():
    one, other = Subwords(TOKENIZER, 0.4, seed=1), Subwords(TOKENIZER, 0.4, seed=1)
    third = Subwords(TOKENIZER, 0.4, seed=2)
    words = [word for text in TEXTS[:40] for word in one.words(text)]
    pairs = list(product(set(words), range(VARIANTS)))
    in_order = [one.spelling(*pair) for pair in pairs]
    assert [other.spelling(*pair) for pair in reversed(pairs)] == in_order[::-1]
    assert [third.spelling(*pair) for pair in pairs] != in_order
    drawn = [one.spelled(words, generator(seed), most=9999) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_what_would_be_longer_than_there_are_positions_is_spelled_as_usual():
    subwords = Subwords(TOKENIZER, 0.9)
    words = subwords.words(TEXTS[0])
    usual = TOKENIZER.encode(TEXTS[0])
    assert subwords.spelled(words, generator(), most=len(usual)) == usual
    assert len(subwords.spelled(words, generator(), most=99)) > len(usual)


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_a_part_outside_its_range_is_one_line(p: float):
    with pytest.raises(ConfigError, match=r"from 0 to 1, not"):
        Subwords(TOKENIZER, p)
