"""Rows with tags, with targets on the source, and in spellings that vary."""

from collections import Counter

import pytest
import torch

from pellucid.errors import TextError
from pellucid.layers import IGNORE
from pellucid.text.parallel import (
    BOS,
    EOS,
    SEP,
    SYNTHETIC,
    ParallelText,
    phrasebook,
    read_parallel,
    tag,
    train_parallel_bpe,
)
from pellucid.text.parallel_corpus import ParallelCorpus
from pellucid.text.parallel_rows import Form, languages, parallel_row, source_ids, special, text_ids
from pellucid.text.subwords import Subwords

PAIRS = read_parallel(phrasebook())[:40]
ONE_WAY = train_parallel_bpe(PAIRS, 400)
BOTH_WAYS = train_parallel_bpe(PAIRS, 400, into=("en", "de"), synthetic=True)
EN, DE, MADE = (special(BOTH_WAYS, mark) for mark in (tag("en"), tag("de"), SYNTHETIC))


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_source_has_its_tag_first_and_the_first_language_where_none_is_named():
    assert languages(BOTH_WAYS) == ("en", "de")
    assert languages(ONE_WAY) == ()
    plain = text_ids(BOTH_WAYS, "Ja")
    end = special(BOTH_WAYS, EOS)
    assert source_ids(BOTH_WAYS, "Ja", "transformer") == [EN, *plain, end]
    assert source_ids(BOTH_WAYS, "Ja", "transformer", to="de") == [DE, *plain, end]
    assert source_ids(BOTH_WAYS, "Ja", "transformer", synthetic=True)[:2] == [MADE, EN]
    assert source_ids(BOTH_WAYS, "Ja", "transformer", to="de", synthetic=True)[:2] == [MADE, DE]
    assert source_ids(ONE_WAY, "Ja", "gpt") == [*text_ids(ONE_WAY, "Ja"), special(ONE_WAY, SEP)]
    spelled = text_ids(BOTH_WAYS, tag("en"))
    assert EN not in spelled, "what a text spells is no tag"


@pytest.mark.parametrize(
    ("tokenizer", "said"), [(BOTH_WAYS, "of en and de"), (ONE_WAY, "of none: it translates in one")]
)
def test_a_language_that_a_model_does_not_write_is_one_line(tokenizer, said: str):
    with pytest.raises(TextError, match=said) as error:
        source_ids(tokenizer, "Ja", "gpt", to="fr")
    assert "'fr'" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_gpt_may_be_asked_for_its_source_too():
    pair = ParallelText("Ja bitte", "Yes please")
    tokens, targets = parallel_row(BOTH_WAYS, pair, "gpt", to="de", source_loss=True)
    assert tokens[0] == DE
    assert targets == [*tokens[1:], special(BOTH_WAYS, EOS)]
    _, without = parallel_row(BOTH_WAYS, pair, "gpt", to="de")
    place = tokens.index(special(BOTH_WAYS, SEP))
    assert without == [IGNORE] * place + targets[place:]


def rows_of(corpus: ParallelCorpus) -> list:
    return [row for bucket in corpus.training.buckets for row in bucket.rows]


def test_both_directions_are_trained_and_validated_and_a_synthetic_source_in_its_own():
    corpus = ParallelCorpus.from_pairs(
        PAIRS[:20],
        PAIRS[20:25],
        BOTH_WAYS,
        form="transformer",
        block_size=64,
        extra=PAIRS[25:28],
        synthetic=PAIRS[30:33],
    )
    firsts = Counter(row[0][0] for row in rows_of(corpus))
    assert firsts == {EN: 20, DE: 20, MADE: 3}
    assert {tuple(row[0][:2]) for row in rows_of(corpus) if row[0][0] == MADE} == {(MADE, EN)}
    assert Counter(row[0][0] for row in corpus.validation) == {EN: 5, DE: 5}
    assert corpus.extra is not None
    assert len(corpus.extra) == 6
    there, back = (
        parallel_row(BOTH_WAYS, pair, "transformer", to=to)
        for pair, to in ((PAIRS[0], "en"), (ParallelText(*PAIRS[0][::-1]), "de"))
    )
    assert there in rows_of(corpus)
    assert back in rows_of(corpus)


def spelled(corpus: ParallelCorpus, form: Form, row: tuple[torch.Tensor, ...]) -> tuple[str, str]:
    """The texts of a row."""
    tokens = [token for token in row[0].tolist() if token != special(ONE_WAY, "<PAD>")]
    if form == "gpt":
        place = tokens.index(special(ONE_WAY, SEP))
        return ONE_WAY.decode(tokens[:place]).strip(), ONE_WAY.decode(tokens[place + 1 :]).strip()
    assert tokens[-1] == special(ONE_WAY, EOS)
    written = [token for token in row[2].tolist() if token != IGNORE]
    assert row[1].tolist()[0] == special(ONE_WAY, BOS)
    assert row[1].tolist()[1 : len(written)] == written[:-1]
    assert written[-1] == special(ONE_WAY, EOS)
    return ONE_WAY.decode(tokens[:-1]).strip(), ONE_WAY.decode(written[:-1]).strip()


@pytest.mark.parametrize("form", ["transformer", "gpt"])
def test_rows_are_spelled_anew_each_time_and_say_the_same(form: Form):
    sizes = {"form": form, "block_size": 96}
    plain = ParallelCorpus.from_pairs(PAIRS, PAIRS, ONE_WAY, **sizes)
    varied = ParallelCorpus.from_pairs(
        PAIRS, PAIRS, ONE_WAY, **sizes, subwords=Subwords(ONE_WAY, 0.3, seed=4)
    )
    assert varied.validation == plain.validation
    assert varied.fingerprint() != plain.fingerprint()
    draws, known, spellings = generator(), {tuple(pair) for pair in PAIRS}, Counter()
    for _ in range(60):
        batch = varied.batch(200, draws)
        for row in zip(*batch, strict=True):
            texts = spelled(varied, form, row)
            assert texts in known
            spellings[texts[0], tuple(row[0].tolist())] += 1
    assert len({ids for _, ids in spellings}) > 3 * len({text for text, _ in spellings})
    one, other = (varied.batch(200, generator(9)) for _ in range(2))
    again = ParallelCorpus.from_pairs(
        PAIRS, PAIRS, ONE_WAY, **sizes, subwords=Subwords(ONE_WAY, 0.3, seed=4)
    ).batch(200, generator(9))
    for part, same, third in zip(one, other, again, strict=True):
        assert torch.equal(part, same)
        assert torch.equal(part, third), "what was drawn before must not matter"


@pytest.mark.parametrize("form", ["transformer", "gpt"])
def test_no_spelling_is_longer_than_the_positions(form: Form):
    longest = max(max(map(len, parallel_row(ONE_WAY, pair, form))) for pair in PAIRS)
    tight = ParallelCorpus.from_pairs(
        PAIRS, PAIRS, ONE_WAY, form=form, block_size=longest, subwords=Subwords(ONE_WAY, 0.9)
    )
    draws = generator()
    widths = [tight.batch(100, draws)[0].shape[1] for _ in range(100)]
    assert max(widths) <= longest
