import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import ConfigError, TextError, TokenError
from pellucid.text import Characters


def test_ids_are_places_in_the_alphabet():
    characters = Characters("abc")
    assert characters.encode("cab") == [2, 0, 1]
    assert characters.decode([2, 0, 1]) == "cab"
    assert characters.piece(1) == b"b"
    assert characters.vocab_size == 3
    assert characters.kind == "characters"
    assert characters.encode("") == []
    assert characters.decode([]) == ""


def test_alphabet_of_a_text_is_sorted_as_nanogpt_sorts():
    text = "humpty dumpty sat on a wall"
    assert Characters.from_text(text).alphabet == "".join(sorted(set(text)))


@given(st.text(min_size=1))
def test_round_trip(text):
    characters = Characters.from_text(text)
    ids = characters.encode(text)
    assert len(ids) == len(text)
    assert characters.decode(ids) == text
    assert b"".join(map(characters.piece, ids)) == text.encode()


def test_unknown_characters_are_named_and_counted():
    with pytest.raises(TextError) as caught:
        Characters("ab").encode("a☃bé\n☃123")
    message = str(caught.value)
    assert "6 of the text's" in message
    assert "'☃' (U+2603), 'é' (U+00E9), '\\n' (U+000A), '1' (U+0031), '2' (U+0032), ..." in message
    assert "\n" not in message
    assert "the alphabet's 2, 'ab';" in message


def test_of_many_characters_not_all_are_named():
    letters = "abcdefghijklmnopqrstu"
    for alphabet, named in ((letters[:20], True), (letters, False)):
        with pytest.raises(TextError) as caught:
            Characters(alphabet).encode("!")
        assert (repr(alphabet) in str(caught.value)) == named


@pytest.mark.parametrize("token", [-1, 2])
def test_ids_out_of_range(token):
    with pytest.raises(TokenError, match=rf"0 \.\. 1; {token} is not"):
        Characters("ab").piece(token)
    with pytest.raises(TokenError):
        Characters("ab").decode([0, token])


@pytest.mark.parametrize("alphabet", ["", "aba"])
def test_an_alphabet_has_each_character_once(alphabet):
    with pytest.raises(ConfigError, match="each of them once"):
        Characters(alphabet)


def test_a_lone_surrogate_is_no_character():
    with pytest.raises(TextError, match=r"U\+D800"):
        Characters("a\ud800")
    with pytest.raises(TextError, match=r"U\+D800"):
        Characters("a").encode("\ud800")
