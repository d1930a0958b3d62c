"""A text in parts gives the ids of the whole, wherever its reader happened to cut it."""

import json
import random
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken
from tokenizers import Tokenizer as Library

from pellucid.text import BPE, Characters, Tokenizer, Words, gpt2, train_bpe
from pellucid.text.chunks import CHUNK, chunks, encode_stream, thinned

SPECIALS = ["<|endoftext|>", "<SEP>", "<EOS>", "<|end of text|>", "< |"]
LEARNT = train_bpe(
    "the cat sat on the mat , the hat 's on 漢字，漢字。 \n\n  it's", 300, special_tokens=["<SEP>"]
)

texts = st.lists(
    st.one_of(
        st.sampled_from(
            [*"  \n\n\t\r\v\x0b\x1c\x85\xa0\u180e\u200b\u2028\u3000\ufeff'a1.,<>|", *SPECIALS]
        ),
        st.sampled_from(
            ["the", "'s", "'ll", "漢字", "，", "。", "\u9fff", "3.14", "e\u0301", "  \n"]
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    ),
    max_size=60,
).map("".join)


def cut_up(text: str, seed: int) -> list[str]:
    """The text as a reader may hand it over: in parts of any length, some of them empty."""
    draws = random.Random(seed)
    places = sorted(draws.choices(range(len(text) + 1), k=draws.randrange(6)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def joined(tokenizer: Tokenizer, text: str, size: int, seed: int) -> list[int]:
    return [token for ids in encode_stream(tokenizer, cut_up(text, seed), size) for token in ids]


@settings(deadline=None, max_examples=300)
@given(texts, st.integers(1, 12), st.integers(0, 99))
@example("a  b", 1, 0)
@example("a\n\n\nb   c \n", 1, 0)
@example("漢，漢 x", 1, 0)
@example("<|endoftext|> <|endoftext|>", 1, 0)
@example("ab12ab(12)", 1, 0)
@pytest.mark.parametrize(
    "tokenizer", [gpt2(), LEARNT, LEARNT.with_special()], ids=["gpt2", "bpe", "special"]
)
def test_bpe(tokenizer: Tokenizer, text: str, size: int, seed: int):
    assert joined(tokenizer, text, size, seed) == tokenizer.encode(text)


@settings(deadline=None)
@given(texts, st.integers(1, 12), st.integers(0, 99), st.booleans())
def test_words(text: str, size: int, seed: int, special: bool):
    words = Words.from_text(text + " x", special=special)
    assert joined(words, text, size, seed) == words.encode(text)
    parts = chunks(cut_up(text + " x", seed), words.cut, size)
    assert Words.from_texts(parts, special=special) == words


@settings(deadline=None)
@given(texts, st.integers(1, 12), st.integers(0, 99))
def test_characters(text: str, size: int, seed: int):
    characters = Characters.from_text(text + "x")
    assert joined(characters, text, size, seed) == characters.encode(text)
    assert Characters.from_texts(cut_up(text + "x", seed)) == characters


@settings(deadline=None, max_examples=30)
@given(texts, st.integers(1, 12), st.integers(0, 99))
def test_a_bpe_learns_from_parts_what_it_learns_from_the_whole(text: str, size: int, seed: int):
    parts = list(chunks(cut_up(text, seed), gpt2().cut, size))
    assert train_bpe(parts, 280).to_json() == train_bpe(text, 280).to_json()


def changed(**settings: object) -> BPE:
    """GPT-2's tokenizer with other settings."""
    content = json.loads(gpt2().to_json())
    for name, value in settings.items():
        content[name] = value
    return BPE(Library.from_str(json.dumps(content)))


PLAIN = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


@pytest.mark.parametrize(
    "tokenizer",
    [
        changed(pre_tokenizer=None),
        changed(pre_tokenizer=PLAIN | {"add_prefix_space": True}),
        changed(pre_tokenizer=PLAIN | {"use_regex": False}),
        changed(normalizer={"type": "NFC"}),
    ],
    ids=["none", "prefix", "no pattern", "normalizer"],
)
@settings(deadline=None, max_examples=30)
@given(texts, st.integers(1, 12), st.integers(0, 99))
def test_a_tokenizer_that_cuts_in_another_way_gets_the_whole(
    tokenizer: BPE, text: str, size: int, seed: int
):
    assert tokenizer.cut("one two three") == 0
    assert joined(tokenizer, text, size, seed) == tokenizer.encode(text)


ADDED = [
    (AddedToken("<two words>", special=True), False),
    (AddedToken("<eats>", rstrip=True, special=True), False),
    (AddedToken("<left>", lstrip=True, special=True), True),
    (AddedToken("<alone>", single_word=True, special=True), True),
    (AddedToken("(two words)", special=False), False),
    (AddedToken("a2", special=False), False),
    (AddedToken("((", special=False), True),
]


def with_token(token: AddedToken) -> BPE:
    """The tokenizer with one more; a special one is read, and any other always is."""
    library = Library.from_str(LEARNT.to_json())
    (library.add_special_tokens if token.special else library.add_tokens)([token])
    return BPE(library, special=token.special)


@pytest.mark.parametrize(
    ("tokenizer", "content", "cuts"),
    [(with_token(token), token.content, cuts) for token, cuts in ADDED],
    ids=[token.content for token, _ in ADDED],
)
@settings(deadline=None)
@given(st.data())
def test_added_tokens_are_never_cut(tokenizer: BPE, content: str, cuts: bool, data: st.DataObject):
    assert bool(tokenizer.cut("one two three")) is cuts
    parts = st.sampled_from([content, " ", "  ", "\n", "a", "."])
    text = "".join(data.draw(st.lists(parts, max_size=20)))
    assert joined(tokenizer, text, 3, 7) == tokenizer.encode(text)
    assert tokenizer.encode(content)[0] == tokenizer.vocab_size - 1


LONG = "a" * 20_000 + "=" * 9_000 + " " * 9_000 + "it's" * 5_000 + "7" * 30_000 + " the end"


@pytest.mark.parametrize(
    "text",
    [LONG, LONG[::-1], "ab12+/" * 20_000, "漢" * 20_000, "x y\n" * 3_000 + LONG],
    ids=["runs", "backwards", "base64", "letters", "after"],
)
@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("read", [1000, CHUNK + 1, 1 << 20])
def test_a_text_without_white_space_is_cut_too(text: str, special: bool, read: int):
    tokenizer = gpt2().with_special() if special else gpt2()
    handed = [text[start : start + read] for start in range(0, len(text), read)]
    parts = list(chunks(handed, tokenizer.cut))
    assert "".join(parts) == text
    if not special:
        assert max(map(len, parts)) <= 2 * CHUNK
    ids = [token for ids in encode_stream(tokenizer, handed) for token in ids]
    assert ids == tokenizer.encode(text)
    assert tokenizer.decode(ids) == text


def test_parts_are_small_and_a_text_that_cannot_be_cut_is_one_part():
    text = "one two three four\n" * 200
    parts = list(chunks([text[:1000], text[1000:]], gpt2().cut, 64))
    assert "".join(parts) == text
    assert max(map(len, parts)) <= 64
    assert list(chunks(["ab" * 50, "cd" * 50, " e"], gpt2().cut, 64)) == [
        "ab" * 50 + "cd" * 50 + " e"
    ]
    assert list(chunks([], len, 64)) == []


def test_after_a_long_word_parts_are_small_again():
    word = "ab" * 50
    parts = list(chunks([word, *[" one two three\n" * 20] * 50], gpt2().cut, 64))
    assert "".join(parts) == word + " one two three\n" * 1000
    assert max(map(len, parts[1:])) <= 64
    assert len(parts[0]) < 500


def test_a_text_that_cannot_be_cut_is_not_looked_through_each_time_it_grows():
    looked = []

    def nowhere(text: str) -> int:
        looked.append(len(text))
        return 0

    assert list(chunks(["x" * 64] * 256, nowhere, 64)) == ["x" * 64 * 256]
    assert len(looked) < 40


def test_a_sample_is_all_of_a_short_text_and_spread_over_a_long_one():
    parts = [f"{number:04}" for number in range(1000)]
    assert thinned(iter(parts), 4000) == (parts, 4000)
    some, length = thinned(iter(parts), 500)
    assert length == 4000
    assert 250 <= sum(map(len, some)) <= 500
    places = [int(part) for part in some]
    assert {after - before for before, after in pairwise(places)} == {8}
    assert (places[0], places[-1]) == (0, 992)
