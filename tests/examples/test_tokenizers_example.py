"""The byte-pair encoding that the example learns: counted again, and learnt by the house's own."""

from collections import Counter
from itertools import pairwise

import pytest

from pellucid.examples.tokenizers import MERGES, UNSEEN, WORDS, encoded, learnt
from pellucid.tape import Tape
from pellucid.text.bpe import train_bpe
from tests.examples.walkthroughs import walkthrough_of

ROUNDS = list(learnt(Tape()))
LEARNT = [(one.left, one.right) for one in ROUNDS]


def test_the_counts_are_those_of_all_neighbours():
    for one in ROUNDS:
        counted = Counter(pair for word in one.words for pair in pairwise(word))
        for row, left in enumerate(one.symbols):
            for column, right in enumerate(one.symbols):
                assert one.counts[row, column] == counted[left, right], (left, right)
        assert one.times == max(counted.values())


@pytest.mark.parametrize("word", [*WORDS, UNSEEN, "rats"])
def test_it_learns_what_the_trained_tokenizer_learns(word: str):
    bpe = train_bpe("\n".join(WORDS), 256 + MERGES + 1)
    pieces = [bpe.piece(token).decode() for token in bpe.encode(word)]
    assert list(encoded(word, LEARNT)) == pieces


def test_cats_is_cat_and_s_and_an_unseen_word_is_spelt():
    assert encoded("cats", LEARNT) == ("cat", "s")
    assert encoded(UNSEEN, LEARNT) == tuple(UNSEEN)
    lines = [
        line for part in walkthrough_of("tokenizers").parts for s in part.steps for line in s.lines
    ]
    assert any(
        line.split() == ["cats", "c", "a", "t", "s", "cats", "cat", "+", "s"] for line in lines
    )
    assert walkthrough_of("tokenizers").tape["text_tokens"].tolist() == [20, 6, 8]
    assert walkthrough_of("tokenizers").tape["vocabulary_sizes"].tolist() == [7, 4, 11]


def test_a_one_hot_product_is_the_row_of_the_table():
    tape = walkthrough_of("tokenizers").tape
    assert tape["cats"].tolist() == [8, 5]
    assert tape["product.out"].tolist() == [tape["table"][8].tolist(), tape["table"][5].tolist()]
    assert tape["lookup.out"].tolist() == tape["product.out"].tolist()
