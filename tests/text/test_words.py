import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import ConfigError, TextError, TokenError
from pellucid.text import Characters, Words

PIECES = [
    *'.,;:!?…()[]{}"“”„«»<>—',
    "<EOS>",
    "<SEP>",
    "3",
    "14",
    "3.14",
    "don't",
    "Wo",
    "é",
    "e\u0301",
]


def test_ai_rocks():
    words = Words(("AI", "rocks", "<EOS>"), special=True)
    assert words.encode("AI rocks <EOS>") == [0, 1, 2]
    assert [words.piece(token) for token in range(3)] == [b"AI", b"rocks", b"<EOS>"]
    assert words.decode([0, 1, 2]) == "AI rocks <EOS>"
    assert words.vocab_size == 3
    assert words.kind == "words"
    assert words.encode("") == words.encode("  ") == []
    assert words.decode([]) == ""


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Wo wohnst du? <SEP>", ["Wo", "wohnst", "du", "?", "<SEP>"]),
        ("a<EOS>b", ["a", "<EOS>", "b"]),
        ("a <b c> <1>", ["a", "<", "b", "c", ">", "1"]),
        ("don't well-known 50% 3.14.", ["don't", "well-known", "50%", "3.14", "."]),
        ("a.5 5.a 1.2:3", ["a", ".", "5", "1.2:3"]),
        ("(a, b: [c])", ["(", "a", ",", "b", ":", "[", "c", "]", ")"]),
        ("“Yes”—no…", ["“", "Yes", "”", "—", "no", "…"]),
        ("a\n\n b\ta", ["a", "b"]),
    ],
)
def test_cutting(text, pieces):
    words = Words.from_text(text, special=True)
    assert list(words.vocabulary) == pieces


@pytest.mark.parametrize(
    "text",
    [
        "Wo wohnst du? <SEP> Where do you live? <EOS>",
        "All (or nearly all) of them: 3.14, 1,000 and 12:30; don't you see...",
        "humpty dumpty sat on a wall",
    ],
)
def test_a_text_spaced_by_the_rule_comes_back(text):
    words = Words.from_text(text, special=True)
    assert words.decode(words.encode(text)) == text


def test_what_is_lost_is_the_spacing():
    text = '  He said:\n"Yes" ( really )  —no !'
    words = Words.from_text(text)
    back = words.decode(words.encode(text))
    assert back == 'He said: " Yes " (really) — no!'
    assert words.decode(words.encode(back)) == back


@given(st.lists(st.integers(0, len(PIECES) - 1)))
def test_ids_always_come_back(ids):
    words = Words(tuple(PIECES), special=True)
    assert words.encode(words.decode(ids)) == ids
    assert set(words.special_tokens) == {"<EOS>", "<SEP>"}
    plain = [token for token in ids if token not in words.special_tokens.values()]
    assert Words(tuple(PIECES)).encode(words.decode(plain)) == plain


@given(
    st.text(
        alphabet=st.one_of(
            st.sampled_from(" .,<>()_'3aE\n"), st.characters(exclude_categories=["Cs"])
        )
    )
)
def test_a_text_keeps_everything_but_its_spacing(text):
    words = Words.from_text(text + " x")
    back = words.decode(words.encode(text))
    assert "".join(back.split()) == "".join(text.split())
    assert words.decode(words.encode(back)) == back


def test_special_tokens_are_plain_text_unless_they_are_to_be_read():
    text = "AI rocks <EOS>"
    plain = Words.from_text(text)
    assert plain.vocabulary == ("AI", "rocks", "<", "EOS", ">")
    assert plain.special_tokens == {}
    assert plain.encode(text) == plain.with_special().encode("AI rocks < EOS >") == [0, 1, 2, 3, 4]
    words = Words(("AI", "rocks", "<EOS>"))
    assert words.special_tokens == {"<EOS>": 2}
    assert words.with_special() == words
    assert words.with_special().encode(text) == [0, 1, 2]
    with pytest.raises(TextError, match=r"3 of the text's are not: '<', .*<EOS> .* --special"):
        words.encode(text)
    with pytest.raises(TextError, match=r"take them out$"):
        words.encode("AI <SEP>")


@pytest.mark.parametrize("kind", [Words, Characters])
def test_a_lone_surrogate_is_named_by_its_place_in_the_text(kind: type[Words] | type[Characters]):
    with pytest.raises(TextError, match=r"at 5 stands the lone surrogate U\+DCFF"):
        kind.from_text("zzzz \udcffa")
    with pytest.raises(TextError, match=r"at 5 stands the lone surrogate U\+DCFF"):
        kind.from_texts(["zzz", "z ", "\udcffa"])


def test_unknown_words_are_named_and_counted():
    with pytest.raises(TextError) as caught:
        Words(("AI", "rocks")).encode("AI socks, AI socks " + "x" * 1000)
    message = str(caught.value)
    assert "3 of the text's are not: 'socks', ','" in message
    assert len(message) < 300


@pytest.mark.parametrize("token", [-1, 2])
def test_ids_out_of_range(token):
    with pytest.raises(TokenError, match=rf"0 \.\. 1; {token} is not"):
        Words(("AI", "rocks")).decode([0, token])


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ((), "one or more words"),
        (("a", "a"), "each of them once"),
        (("a", "b c"), "not so 'b c'"),
        (("a", ""), "not so ''"),
        (("a.",), "not so 'a.'"),
        ((" a",), "not so ' a'"),
    ],
)
def test_a_vocabulary_is_pieces_each_once(vocabulary, message):
    with pytest.raises(ConfigError, match=message):
        Words(vocabulary)
