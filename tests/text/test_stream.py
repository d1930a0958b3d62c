import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import TokenError
from pellucid.text import Characters, StreamDecoder, Words, gpt2, stream

WORDS = Words(("AI", "rocks", "<EOS>", "!", "(", ")", "é"))


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(0, 255), st.integers(0, 50256))))
def test_streamed_bpe_equals_decode(ids):
    assert "".join(stream(gpt2(), ids)) == gpt2().decode(ids)


@given(st.lists(st.integers(0, WORDS.vocab_size - 1)))
def test_streamed_words_equal_decode(ids):
    assert "".join(stream(WORDS, ids)) == WORDS.decode(ids)


@given(st.text(min_size=1))
def test_streamed_characters_come_one_by_one(text):
    characters = Characters.from_text(text)
    assert list(stream(characters, characters.encode(text))) == list(text)


def test_a_character_appears_with_its_last_byte():
    ids = gpt2().encode(" 😀!")
    assert [gpt2().piece(token) for token in ids] == [b" \xf0\x9f\x98", b"\x80", b"!"]
    assert list(stream(gpt2(), ids)) == [" ", "😀", "!"]
    assert list(stream(gpt2(), ids[:1])) == [" ", "\ufffd"]


def test_words_come_with_the_space_before_them():
    assert list(stream(WORDS, [0, 1, 3, 4, 0, 5, 2])) == [
        "AI",
        " rocks",
        "!",
        " (",
        "AI",
        ")",
        " <EOS>",
    ]


def test_flush_begins_a_new_text():
    decoder = StreamDecoder(WORDS)
    for _ in range(2):
        assert [decoder.push(0), decoder.push(1), decoder.flush()] == ["AI", " rocks", ""]


def test_a_wrong_id_leaves_the_decoder_as_it_was():
    decoder = StreamDecoder(WORDS)
    decoder.push(0)
    with pytest.raises(TokenError):
        decoder.push(99)
    assert decoder.push(1) == " rocks"
