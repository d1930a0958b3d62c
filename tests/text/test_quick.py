"""What `tiktoken` encodes has the ids of `tokenizers`, and who has it not gets them too."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import TextError
from pellucid.text import BPE, END_OF_TEXT, gpt2, train_bpe
from pellucid.text.byte_level import RUN
from pellucid.text.quick import quick

SAMPLES = [
    "Attention is all you need, isn't it? 1, 22, 333.\n\n\tThey're  here   ",
    "Straße, naïve façade; 東京、大阪。 ½ ² Ⅷ \u00a0\u200b\u3000 👩‍👩‍👧 e\u0301",
    "def f(x):\n    return x**2  # 'll 'S 've\r\n",
]

POINTS = [*range(0x3000), *range(0x3000, 0x110000, 41)]


def arrays(tokenizer: BPE, texts: list[str]) -> list[list[int]]:
    return [ids.tolist() for ids in tokenizer.encode_arrays(texts)]


def test_gpt2_is_quick_and_has_the_same_ids():
    assert gpt2()._is_gpt2
    texts = [*SAMPLES, "", END_OF_TEXT, f"a{END_OF_TEXT} b", "x" * (3 * RUN), " " * (2 * RUN + 1)]
    assert arrays(gpt2(), texts) == gpt2().encode_batch(texts)


def test_every_kind_of_character_is_cut_alike():
    characters = [chr(point) for point in POINTS if not 0xD800 <= point < 0xE000]
    texts = [f"a{c}a 1{c}1 .{c}. {c}{c} \n{c} x" for c in characters]
    joined = ["|".join(texts[start : start + 500]) for start in range(0, len(texts), 500)]
    assert arrays(gpt2(), joined) == gpt2().encode_batch(joined)


@settings(deadline=None)
@given(text=st.text())
def test_any_text_has_the_same_ids(text: str):
    assert arrays(gpt2(), [text]) == [gpt2().encode(text)]


def test_a_text_that_cannot_be_encoded_is_said_to_be():
    with pytest.raises(TextError, match="surrogate"):
        arrays(gpt2(), ["fine", "\ud800"])


def test_other_tables_and_special_tokens_are_the_library_s():
    special = gpt2().with_special()
    assert not special._is_gpt2
    assert arrays(special, [f"a{END_OF_TEXT}"]) == [special.encode(f"a{END_OF_TEXT}")]
    learnt = train_bpe(SAMPLES, 300)
    assert not learnt._is_gpt2
    assert arrays(learnt, list(SAMPLES)) == learnt.encode_batch(list(SAMPLES))


def test_the_same_tables_from_a_file_are_quick_too():
    copied = BPE(type(gpt2()._library).from_str(gpt2().to_json()))
    assert copied._is_gpt2


def test_without_tiktoken_the_library_encodes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    assert quick({b"a": 0}) is None
    monkeypatch.setattr("pellucid.text.bpe._quick_gpt2", lambda: None)
    assert arrays(gpt2(), ["Hello world"]) == [[15496, 995]]
