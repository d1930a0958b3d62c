"""Corpora: read whole, cut in two, given out in windows; and the tokenizer that a user names."""

from pathlib import Path

import pytest
import torch

from pellucid.errors import CheckpointError, ConfigError, PellucidError, TextError
from pellucid.text import BPE, Characters, Words
from pellucid.text.choose import beginning, choose_tokenizer
from pellucid.text.corpus import Corpus, read_text

TEXT = "one two three four five six seven eight nine ten, and over again.\n" * 6


def counted(training: int, validation: int, block_size: int) -> Corpus:
    """Tokens that are their own places, so that a window tells where it was cut."""
    places = torch.arange(training + validation)
    return Corpus(places[:training], places[training:], block_size)


def one_line(error: pytest.ExceptionInfo[PellucidError]) -> str:
    message = str(error.value)
    assert message
    assert "\n" not in message
    return message


# -- reading ---------------------------------------------------------------------------------------


def test_a_text_is_read_as_utf8(tmp_path: Path):
    file = tmp_path / "text.txt"
    file.write_bytes("Größe – 大きさ\n".encode())
    assert read_text(file) == read_text(str(file)) == "Größe – 大きさ\n"


def test_a_text_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "latin").write_bytes(b"Gr\xf6\xdfe")
    wanted = {
        "empty": "at least one character",
        "latin": "byte 2",
        "missing": "No such file",
        ".": "directory",
    }
    for name, words in wanted.items():
        with pytest.raises(TextError) as error:
            read_text(tmp_path / name)
        assert words in one_line(error)
        assert str(tmp_path / name) in one_line(error)


# -- cutting ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [30, 70, 100, 396, 1001])
def test_the_last_tenth_of_the_tokens_is_held_out(length: int):
    text = (TEXT * 3)[:length]
    tokenizer = Characters.from_text(text)
    corpus = Corpus.from_text(text, tokenizer, 2)
    assert torch.cat([corpus.training, corpus.validation]).tolist() == tokenizer.encode(text)
    assert len(corpus.validation) == -(-length // 10)
    assert corpus.block_size == 2


@pytest.mark.parametrize(
    ("training", "validation", "part"), [(5, 9, "training"), (9, 5, "validation"), (9, 0, "valid")]
)
def test_both_parts_must_hold_a_window_and_its_targets(training: int, validation: int, part: str):
    counted(6, 6, 5)
    with pytest.raises(TextError) as error:
        counted(training, validation, 5)
    assert f"the {part}" in one_line(error)
    assert "block of 5" in one_line(error)


# -- batches ---------------------------------------------------------------------------------------


def test_a_batch_is_windows_of_the_training_part_with_their_next_tokens():
    tokens, targets = counted(50, 20, 7).batch(300, torch.Generator().manual_seed(1))
    assert tokens.shape == targets.shape == (300, 7)
    assert tokens.dtype == torch.int64
    assert torch.equal(targets, tokens + 1)
    assert torch.equal(tokens - tokens[:, :1], torch.arange(7).expand(300, 7))


def test_every_window_of_the_training_part_may_come_and_no_other():
    tokens, targets = counted(12, 9, 7).batch(300, torch.Generator().manual_seed(1))
    assert set(tokens[:, 0].tolist()) == {0, 1, 2, 3, 4}
    assert targets.max() == 11


def test_a_batch_follows_its_generator():
    corpus = counted(500, 20, 7)
    first, _ = corpus.batch(8, torch.Generator().manual_seed(1))
    again, _ = corpus.batch(8, torch.Generator().manual_seed(1))
    other, _ = corpus.batch(8, torch.Generator().manual_seed(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("validation", "windows"), [(6, 1), (10, 1), (11, 2), (43, 8), (48, 9)])
def test_validation_windows_lie_side_by_side_and_cover_their_part(validation: int, windows: int):
    batches = list(counted(10, validation, 5).validation_batches(3))
    assert [len(tokens) for tokens, _ in batches] == [
        min(3, windows - start) for start in range(0, windows, 3)
    ]
    tokens = torch.cat([tokens for tokens, _ in batches])
    targets = torch.cat([targets for _, targets in batches])
    assert tokens.shape == (windows, 5)
    assert tokens.flatten().tolist() == list(range(10, 10 + 5 * windows))
    assert torch.equal(targets, tokens + 1)
    assert validation - 1 - 5 * windows in range(5), "what is left is shorter than a window"


def test_some_validation_windows_are_spread_evenly_from_the_first_to_the_last():
    corpus = counted(10, 5 * 9 + 1, 5)
    starts = [row[0] for tokens, _ in corpus.validation_batches(2, 5) for row in tokens.tolist()]
    assert starts == [10, 20, 30, 40, 50]
    for enough in (9, 100, None):
        assert sum(len(tokens) for tokens, _ in corpus.validation_batches(2, enough)) == 9


@pytest.mark.parametrize("windows", [129, 130, 255, 257, 3485])
def test_no_validation_window_is_taken_twice(windows: int):
    batches = counted(2, windows + 1, 1).validation_batches(16, 128)
    starts = torch.cat([tokens for tokens, _ in batches]).flatten()
    assert len(starts.unique()) == 128
    assert starts[0] == 2
    assert starts[-1] == windows + 1


# -- known again -----------------------------------------------------------------------------------


def test_a_fingerprint_tells_every_token_of_both_parts_and_where_they_are_parted():
    ids = list(range(40))
    of = lambda a, b, block=4: Corpus(torch.tensor(a), torch.tensor(b), block).fingerprint()  # noqa: E731
    first = of(ids[:20], ids[20:])
    assert of(ids[:20], ids[20:]) == of(ids[:20], ids[20:], 7) == first
    others = [of(ids[:21], ids[21:]), of(ids[20:], ids[:20]), of(ids[:20], ids[20:-1])]
    for place in (0, 10, 19, 20, 39):
        changed = [*ids[:place], 99, *ids[place + 1 :]]
        others.append(of(changed[:20], changed[20:]))
    swapped = [ids[1], ids[0], *ids[2:]]
    others.append(of(swapped[:20], swapped[20:]))
    assert len({first, *others}) == 1 + len(others)


def test_a_fingerprint_looks_all_over_a_long_corpus(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pellucid.text.corpus.PIECE", 10)
    monkeypatch.setattr("pellucid.text.corpus.PIECES", 5)
    ids = torch.arange(1000)
    first = Corpus(ids, ids, 4).fingerprint()
    for place in (0, 9, 247, 256, 742, 990, 999):
        assert Corpus(ids.index_fill(0, torch.tensor(place), 7_777), ids, 4).fingerprint() != first
        assert Corpus(ids, ids.index_fill(0, torch.tensor(place), 7_777), 4).fingerprint() != first


# -- the tokenizer by its name ---------------------------------------------------------------------


def test_a_tokenizer_is_chosen_by_name_and_takes_its_vocabulary_from_the_text():
    assert choose_tokenizer("chars", "abba") == Characters("ab")
    assert choose_tokenizer("words", "on and on") == Words(("on", "and"))
    learnt = choose_tokenizer("bpe:270", TEXT)
    assert isinstance(learnt, BPE)
    assert learnt.vocab_size == 270
    assert learnt.decode(learnt.encode(TEXT)) == TEXT
    assert choose_tokenizer("gpt2", "abba").vocab_size == 50257


def test_a_tokenizer_is_chosen_by_its_file(tmp_path: Path):
    Characters("xyz").save(tmp_path)
    assert choose_tokenizer(str(tmp_path), "abba") == Characters("xyz")
    assert choose_tokenizer(str(tmp_path / "tokenizer.json"), "abba") == Characters("xyz")


@pytest.mark.parametrize("choice", ["bpe", "bpe:", "bpe:x", "bpe:-3", "bpe:1.5"])
def test_a_bpe_to_be_learnt_needs_a_number(choice: str):
    with pytest.raises(ConfigError) as error:
        choose_tokenizer(choice, TEXT)
    assert repr(choice) in one_line(error)


def test_a_tokenizer_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(CheckpointError) as error:
        choose_tokenizer(str(tmp_path / "nowhere"), TEXT)
    assert "nowhere" in one_line(error)


def test_a_text_begins_with_a_line_break_or_else_with_the_first_token():
    assert beginning(Characters("\nab")) == "\n"
    assert beginning(choose_tokenizer("gpt2", "")) == "\n"
    assert beginning(Words(("on", "and"))) == "on"
    assert beginning(Characters("ab")) == "a"
