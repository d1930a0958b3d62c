"""Pairs of texts: a line is a pair or an error with its number; both sides share a tokenizer."""

import gzip
from pathlib import Path

import pytest

from pellucid.errors import ConfigError, TextError
from pellucid.text.parallel import (
    BOS,
    EOS,
    PAD,
    SEP,
    ParallelText,
    read_parallel,
    train_parallel_bpe,
)
from pellucid.text.parallel_rows import text_ids

PHRASES = "Guten Morgen!\tGood morning!\r\n\nWo wohnst du?\tWhere do you live?\n"
EXPECTED = [
    ParallelText("Guten Morgen!", "Good morning!"),
    ParallelText("Wo wohnst du?", "Where do you live?"),
]


def written(directory: Path, content: bytes, name: str = "pairs.tsv") -> Path:
    path = directory / name
    path.write_bytes(content)
    return path


def test_a_line_is_a_pair(tmp_path: Path):
    assert read_parallel(written(tmp_path, PHRASES.encode())) == EXPECTED


def test_a_mark_of_byte_order_and_a_missing_last_line_break_are_no_part_of_the_texts(
    tmp_path: Path,
):
    content = b"\xef\xbb\xbf" + PHRASES.rstrip("\n").encode()
    assert read_parallel(written(tmp_path, content)) == EXPECTED


def test_spaces_around_a_text_are_no_part_of_it(tmp_path: Path):
    file = written(
        tmp_path, b"  Guten Morgen! \t Good morning!  \nWo wohnst du?\t Where do you live?"
    )
    assert read_parallel(file) == EXPECTED


def test_a_word_has_one_id_wherever_it_stands():
    tokenizer = train_parallel_bpe([ParallelText("the", "cat")] * 9, 270)
    assert [len(text_ids(tokenizer, word)) for word in ("the", "cat", "the cat the")] == [1, 1, 3]


def test_a_packed_file_is_unpacked(tmp_path: Path):
    assert read_parallel(written(tmp_path, gzip.compress(PHRASES.encode()), "a.tsv.gz")) == EXPECTED


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\tb\nno tab here\n", "line 2 of .* has 1 texts: correct or remove it$"),
        (b"a;b\n", "line 1 of .* has 1 texts: add --separator ';' if"),
        (b"a | b, c\n", r"line 1 of .* has 1 texts: add --separator '\|' if"),
        (b"a\tb\n\nc\td\te\n", "line 3 of .* has 3 texts"),
        (b"a\tb\n\t c\n", "line 2 of .* has an empty one"),
        (b"a\tb\n\xff\tc\n", "UTF-8, and line 2"),
        (b"\n \n", "at least one line"),
        (b"", "at least one line"),
    ],
)
def test_a_line_that_is_no_pair_is_named_by_its_number(
    tmp_path: Path, content: bytes, message: str
):
    with pytest.raises(TextError, match=message) as error:
        read_parallel(written(tmp_path, content))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("separator", [";", "|", ","])
def test_another_separator_may_stand_between(tmp_path: Path, separator: str):
    file = written(tmp_path, PHRASES.replace("\t", separator).encode())
    assert read_parallel(file, separator) == EXPECTED
    with pytest.raises(TextError, match=r"'.' between, .* 1 texts: add --separator tab if"):
        read_parallel(written(tmp_path, PHRASES.encode()), separator)


def test_a_file_that_is_missing_or_broken_is_one_line(tmp_path: Path):
    with pytest.raises(TextError, match="No such file"):
        read_parallel(tmp_path / "none.tsv")
    packed = gzip.compress(PHRASES.encode() * 100)
    for content in (packed[: len(packed) // 2], b"not packed", packed[:20] + b"x" + packed[21:]):
        with pytest.raises(TextError, match="can be read"):
            read_parallel(written(tmp_path, content, "broken.tsv.gz"))


def test_both_sides_share_a_tokenizer_with_the_special_tokens_last():
    tokenizer = train_parallel_bpe(EXPECTED * 3, 300)
    size = tokenizer.vocab_size
    assert tokenizer.special_tokens == {PAD: size - 4, BOS: size - 3, SEP: size - 2, EOS: size - 1}
    unknown = "Straßenbahnhaltestelle ☂"
    assert tokenizer.decode(tokenizer.encode(unknown)) == unknown
    with pytest.raises(ConfigError, match="at least 260 ids"):
        train_parallel_bpe(EXPECTED, 259)
