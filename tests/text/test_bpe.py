import bz2
import json
import random
from collections import Counter
from importlib.resources import files
from itertools import pairwise

import pytest
import tiktoken.load
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library

from pellucid.errors import ConfigError, TextError, TokenError
from pellucid.text import BPE, END_OF_TEXT, gpt2, load_tokenizer, train_bpe
from pellucid.text.bpe import LEARNT_RUN, MERGED, MOST_IDS
from pellucid.text.byte_level import RUN

SAMPLES = [
    "The quick brown fox; it's they've I'll you're we'd I'm DON'T.",
    "   leading, inner    and trailing   \n\n\n\t \r\n  ",
    "1 12 123 1234567890 3.14 ½ ² ٣٤٥ 一二三 Ⅳ",
    "naïve café e\u0301 a\u030a\u0323 Ünïcödé \u017f ﬁ ß İ \u0131",
    "😀 👩\u200d👧\u200d👦 🇩🇪 👍🏽 ❤️ \u200d\u200b\ufeff",
    "你好,世界。こんにちは 안녕하세요 สวัสดี नमस्ते שלום مرحبا",
    "\x00\x01\x1f\x7f\x80\x85\xa0\xad\u2028\u2029\u3000\U0010ffff",
    "def f(x):\n    return x**2  # <|endoftext|> <|endoftext> |>\n",
]


def mixture(texts: list[str], size: int) -> str:
    """About `size` characters: short slices of `texts`, of SAMPLES, and random Unicode."""
    draw = random.Random(0)
    parts: list[str] = []
    while size > 0:
        kind = draw.randrange(10)
        text = draw.choice(texts if kind < 6 else SAMPLES)
        start = draw.randrange(len(text))
        part = text[start : start + draw.randrange(1, 4000 if kind < 6 else 60)]
        if kind == 9:
            codes = (draw.randrange(draw.choice([0x300, 0x3000, 0x110000])) for _ in range(40))
            part = "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)
        parts.append(part + draw.choice(["", "", " ", "  ", "\n", "7", "'s"]))
        size -= len(parts[-1])
    return "".join(parts)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello world", [15496, 995]),
        (" world", [995]),
        ("hello", [31373]),
        ("!", [0]),
        ("", []),
    ],
)
def test_known_answers(text, ids):
    assert gpt2().encode(text) == ids
    assert gpt2().decode(ids) == text


@pytest.mark.parametrize(
    ("text", "plain", "read"),
    [
        ("<|endoftext|>", [27, 91, 437, 1659, 5239, 91, 29], [50256]),
        ("a<|endoftext|> a", [64, 27, 91, 437, 1659, 5239, 91, 29, 257], [64, 50256, 257]),
    ],
)
def test_special_tokens_are_plain_text_unless_they_are_to_be_read(
    text: str, plain: list[int], read: list[int]
):
    reading = gpt2().with_special()
    assert (gpt2().encode(text), reading.encode(text)) == (plain, read)
    assert (gpt2().encode_batch([text]), reading.encode_batch([text])) == ([plain], [read])
    assert gpt2().decode(plain) == reading.decode(read) == gpt2().decode(read) == text
    assert gpt2().special_tokens == reading.special_tokens == {END_OF_TEXT: 50256}
    assert reading.with_special() is reading
    assert reading.to_json() == gpt2().to_json()


def test_plain_text_is_never_a_special_token():
    """A foreign file may have merges that make a special token's spelling."""
    library = Library.from_str(train_bpe("end end end", 260).to_json())
    library.add_special_tokens(["end"])
    odd = BPE(library)
    token = odd.special_tokens["end"]
    assert odd.with_special().encode("end") == [token]
    for use in (odd.encode, odd.merge_steps, lambda text: odd.encode_batch(["fine", text])):
        with pytest.raises(TextError, match=r"no other piece for 'end'.* --special") as error:
            use("end")
        assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match=r"'ab' is: write it with brackets, such as <ab>"):
        train_bpe("ab ab", 260, special_tokens=["ab"])


@pytest.mark.parametrize("kind", ["a", "7", "=", " ", "漢", "é", "_"])
@pytest.mark.parametrize("before", ["", " the end"])
def test_a_run_without_end_is_encoded_in_parts(kind: str, before: str):
    if before and kind.isalpha():
        before += "."
    text = before + kind * (2 * RUN + 5) + " and on"
    start = len(before)
    cuts = [0, start + RUN, start + 2 * RUN, len(text)]
    parts = [text[a:b] for a, b in pairwise(cuts)]
    ids = gpt2().encode(text)
    assert ids == [token for part in parts for token in gpt2()._library.encode(part).ids]
    assert gpt2().decode(ids) == text
    whole = kind * RUN
    assert gpt2().encode(whole) == gpt2()._library.encode(whole).ids


def test_what_only_looks_long_is_encoded_whole(judge):
    for text in ("ab12" * RUN, "ab " * RUN, "a=" * RUN, "aé7" * RUN, "a" * (RUN - 1) + "1" * RUN):
        assert gpt2().encode(text) == judge.encode(text)


def test_a_bpe_is_learnt_from_an_unbroken_run_in_parts():
    draw = random.Random(0)
    text = "".join(draw.choice("acgt") for _ in range(LEARNT_RUN * 3))
    parts = [text[start : start + LEARNT_RUN] for start in range(0, len(text), LEARNT_RUN)]
    assert train_bpe(text, 300).to_json() == train_bpe(parts, 300).to_json()


def test_no_merges_are_shown_of_a_word_that_is_no_word():
    assert len(gpt2().merge_steps("a" * MERGED)) == 1
    with pytest.raises(TextError, match=r"at most 1,000 bytes, and 'aa.* has 1,001") as error:
        gpt2().merge_steps("a" * (MERGED + 1))
    assert "\n" not in str(error.value)


def test_gpt2_is_one_object_of_50257_ids():
    assert gpt2() is gpt2()
    assert gpt2().vocab_size == 50257
    assert gpt2().kind == "bpe"
    assert gpt2().piece(995) == b" world"
    assert gpt2().piece(50256) == END_OF_TEXT.encode()


def test_gpt2_equals_the_published_files(shared, monkeypatch):
    packed = files("pellucid.text").joinpath("gpt2_merges.txt.bz2").read_bytes()
    assert bz2.decompress(packed) == (shared / "gpt2/vocab.bpe").read_bytes()

    vocabulary = json.loads(gpt2().to_json())["model"]["vocab"]
    assert vocabulary == json.loads((shared / "gpt2/encoder.json").read_text(encoding="utf-8"))

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    published = tiktoken.load.data_gym_to_mergeable_bpe_ranks(
        str(shared / "gpt2/vocab.bpe"), str(shared / "gpt2/encoder.json")
    )
    assert {gpt2().piece(token): token for token in range(50256)} == published


def test_every_piece_equals_tiktokens(judge):
    pieces = [gpt2().piece(token) for token in range(50257)]
    assert pieces == [judge.decode_single_token_bytes(token) for token in range(50257)]


def test_own_mixture_equals_tiktoken(judge):
    text = mixture(SAMPLES, 100_000)
    ids = gpt2().encode(text)
    assert ids == judge.encode(text, disallowed_special=())
    assert gpt2().with_special().encode(text) == judge.encode(text, allowed_special="all")
    assert gpt2().decode(ids) == text


def test_a_megabyte_of_real_and_mixed_text_equals_tiktoken(shared, judge):
    names = ["shakespeare", "austen", "bible-kjv"]
    texts = [(shared / f"text/{name}.txt").read_text(encoding="utf-8") for name in names]
    text = mixture(texts, 1_000_000)
    ids = gpt2().encode(text)
    assert ids == judge.encode(text, disallowed_special=())
    assert gpt2().with_special().encode(text) == judge.encode(text, allowed_special="all")
    assert gpt2().decode(ids) == text


@settings(deadline=None)
@given(text=st.text())
def test_any_text_equals_tiktoken(judge, text):
    ids = gpt2().encode(text)
    assert ids == judge.encode(text, disallowed_special=())
    assert gpt2().with_special().encode(text) == judge.encode(text, allowed_special="all")
    assert gpt2().decode(ids) == text


@settings(deadline=None)
@given(ids=st.lists(st.one_of(st.integers(0, 255), st.integers(0, 50256))))
def test_any_ids_decode_as_tiktoken_decodes(judge, ids):
    assert gpt2().decode(ids) == judge.decode(ids)
    assert b"".join(map(gpt2().piece, ids)) == judge.decode_bytes(ids)


@pytest.mark.parametrize("token", [-1, 50257])
def test_ids_out_of_range(token):
    with pytest.raises(TokenError, match=rf"0 \.\. 50256; {token} is not"):
        gpt2().decode([995, token])
    with pytest.raises(TokenError):
        gpt2().piece(token)


def test_a_lone_surrogate_is_no_text():
    for use in (gpt2().encode, gpt2().merge_steps, lambda text: train_bpe(text, 300)):
        with pytest.raises(TextError, match=r"at 1 stands the lone surrogate U\+D800"):
            use("a\ud800b")
    with pytest.raises(TextError, match=r"at 5 stands the lone surrogate U\+D800"):
        train_bpe(["fine", "a\ud800b"], 300)


def test_merge_steps_of_a_word():
    the, cats, end = gpt2().with_special().merge_steps("the cats<|endoftext|>")
    assert the.pretoken == b"the"
    assert the.start == (b"t", b"h", b"e")
    assert [tuple(step) for step in the.steps] == [
        (2, b"h", b"e", (b"t", b"he")),
        (913, b"t", b"he", (b"the",)),
    ]
    assert cats.pretoken == b" cats"
    assert cats.pieces == (b" cats",)
    assert end == (b"<|endoftext|>", (b"<|endoftext|>",), ())
    assert end.pieces == (b"<|endoftext|>",)
    assert gpt2().merge_steps("") == []


def test_a_merge_takes_every_place_and_of_overlapping_ones_the_first():
    bpe = train_bpe("aa", 258)
    (merging,) = bpe.merge_steps("aaaaabaa")
    assert merging.steps == ((0, b"a", b"a", (b"aa", b"aa", b"a", b"b", b"aa")),)


@settings(deadline=None)
@given(
    text=st.one_of(st.text(), st.text("aeht s'1\n<|>"), st.sampled_from(SAMPLES)),
    tokenizer=st.sampled_from([gpt2(), gpt2().with_special()]),
)
def test_merge_steps_end_in_what_the_library_encodes(text, tokenizer):
    merging = tokenizer.merge_steps(text)
    assert b"".join(each.pretoken for each in merging) == text.encode()
    assert [p for each in merging for p in each.pieces] == [
        tokenizer.piece(token) for token in tokenizer.encode(text)
    ]
    for each in merging:
        assert b"".join(each.start) == each.pretoken
        for step in each.steps:
            assert step.left + step.right in step.pieces


def test_cats_become_cat_and_s():
    bpe = train_bpe(["cat", "dogs", "cat"], 259)
    assert [bpe.piece(token) for token in bpe.encode("cats")] == [b"cat", b"s"]


def test_training_orders_bytes_merges_and_end_of_text():
    bpe = train_bpe("ab cd ab", 260)
    # "ab" and " ab" tell (a, b) twice; then (c, d), whose ids are below those of (space, ...).
    assert [bpe.piece(token) for token in range(256, 260)] == [
        b"ab",
        b"cd",
        b" ab",
        END_OF_TEXT.encode(),
    ]
    assert [bpe.piece(token) for token in range(256)] == [
        gpt2().piece(token) for token in range(256)
    ]
    assert bpe.special_tokens == {END_OF_TEXT: 259}


def slow_training(words: list[str], count: int) -> list[bytes]:
    """The merged pieces, straight from train_bpe's docstring."""
    ids = {gpt2().piece(token): token for token in range(256)}
    cut = [[bytes([byte]) for byte in word.encode()] for word in words]
    learnt: list[bytes] = []
    for _ in range(count):
        pairs = Counter(pair for word in cut for pair in pairwise(word))
        if not pairs:
            break
        left, right = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        ids.setdefault(left + right, len(ids))
        learnt.append(left + right)
        for word in cut:
            for place in range(len(word) - 1):
                if word[place : place + 2] == [left, right]:
                    word[place : place + 2] = [left + right]
    return learnt


@settings(deadline=None, max_examples=50)
@given(st.lists(st.permutations("abcdef").map(lambda p: "".join(p[:4])), min_size=1, max_size=8))
def test_training_is_what_its_docstring_says(words):
    bpe = train_bpe(words, 257 + 6)
    learnt = [bpe.piece(token) for token in range(256, bpe.vocab_size - 1)]
    assert learnt == slow_training(words, 6)[: len(learnt)]
    assert len(learnt) == 6 or bpe.merge_steps(words[0])[0].pieces == (words[0].encode(),)


def test_training_is_deterministic_and_round_trips(tmp_path):
    text = mixture(SAMPLES, 20_000)
    first, second = train_bpe(text, 600), train_bpe([text], 600)
    assert first.to_json() == second.to_json()
    assert first.vocab_size == 600
    assert first.decode(first.encode(text)) == text

    first.save(tmp_path / "tokenizer.json")
    again = load_tokenizer(tmp_path)
    assert isinstance(again, BPE)
    assert again.to_json() == first.to_json()
    assert again.encode(text) == first.encode(text)


def test_nothing_is_learnt_from_special_tokens_that_are_read():
    text = "<|endoftext|>".join(["ab<SEP>ab"] * 9)
    bpe = train_bpe(text, 300, special_tokens=["<SEP>"], special=True)
    assert [bpe.piece(token) for token in range(256, bpe.vocab_size)] == [
        b"ab",
        b"<SEP>",
        END_OF_TEXT.encode(),
    ]
    assert bpe.encode("ab<SEP>") == [256, 257]
    plain = train_bpe(text, 300, special_tokens=["<SEP>"])
    assert b"endoftext" in {plain.piece(token) for token in range(plain.vocab_size)}
    assert not set(plain.special_tokens.values()) & set(plain.encode(text))
    assert train_bpe("", 300).vocab_size == 257


def test_a_vocabulary_below_257_is_refused():
    assert train_bpe("aa", 257).vocab_size == 257
    with pytest.raises(ConfigError, match="vocab_size is 256"):
        train_bpe("aa", 256)


def test_a_vocabulary_that_no_text_fills_is_refused_and_a_smaller_one_stays_small():
    assert train_bpe("abab", MOST_IDS).vocab_size == 259
    with pytest.raises(ConfigError, match="at most 10,000,000; vocab_size is 1000000000") as error:
        train_bpe("aa", 1_000_000_000)
    assert "\n" not in str(error.value)
