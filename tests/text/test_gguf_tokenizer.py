"""The tokenizer of a GGUF file, held against the `tokenizers` library's own and a merge by hand."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import gguf
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders, models, pre_tokenizers, trainers

from pellucid.errors import CheckpointError, TextError
from pellucid.text import BPE, Tokenizer, has_tokenizer, load_tokenizer
from pellucid.text.byte_level import byte_symbols
from pellucid.text.sentence_pieces import SPACE, SentencePieces

SAMPLES = [
    "The quick brown fox; it's they've I'll you're WE'D I'm DON'T.",
    "   leading, inner    and trailing   \n\n\n\t \r\n  ",
    "1 12 123 1234567890 3.14 ½ ² ٣٤٥ 一二三 Ⅳ",
    "naïve café e\u0301 Ünïcödé ﬁ ß 😀 👩\u200d👧 你好,世界。 안녕하세요",
    "def f(x):\n    return x**2  # <|end|> <|end|> |>\n",
    "",
]
TEXT = " ".join(SAMPLES) * 3
DIGITS = pre_tokenizers.Digits(individual_digits=True)
PLAIN = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def written(path: Path, model: str = "gpt2", **settings: Any) -> Path:
    """A file with a tokenizer and nothing else."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    for name, value in settings.items():
        if isinstance(value, list):
            writer.add_array(f"tokenizer.ggml.{name}", value)
        elif isinstance(value, bool):
            writer.add_bool(f"tokenizer.ggml.{name}", value)
        elif isinstance(value, int):
            writer.add_uint32(f"tokenizer.ggml.{name}", value)
        else:
            writer.add_string(f"tokenizer.ggml.{name}", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def learnt(cut: pre_tokenizers.PreTokenizer, ids: int = 400) -> tokenizers.Tokenizer:
    """A byte-level BPE of the library that cuts a text so."""
    library = tokenizers.Tokenizer(models.BPE())
    library.pre_tokenizer = cut
    library.decoder = decoders.ByteLevel()
    library.train_from_iterator(
        [TEXT],
        trainers.BpeTrainer(
            vocab_size=ids,
            initial_alphabet=list(byte_symbols()),
            special_tokens=["<|end|>"],
            show_progress=False,
        ),
    )
    return library


def tables(library: tokenizers.Tokenizer) -> dict[str, Any]:
    """What a file says of a tokenizer of the library."""
    pieces = sorted(library.get_vocab().items(), key=lambda pair: pair[1])
    merges = json.loads(library.to_str())["model"]["merges"]
    return {
        "tokens": [piece for piece, _ in pieces],
        "token_type": [3 if piece == "<|end|>" else 1 for piece, _ in pieces],
        "merges": [" ".join(pair) for pair in merges],
    }


RULES = {
    "gpt-2": PLAIN,
    "smollm": pre_tokenizers.Sequence([DIGITS, PLAIN]),
}


@pytest.fixture(scope="module", params=RULES)
def pair(request, tmp_path_factory) -> tuple[Tokenizer, tokenizers.Tokenizer]:
    theirs = learnt(RULES[request.param])
    file = tmp_path_factory.mktemp("gguf") / "model.gguf"
    return load_tokenizer(written(file, pre=request.param, **tables(theirs))), theirs


def test_a_text_is_cut_as_the_library_cuts_it(pair):
    ours, theirs = pair
    for text in SAMPLES:
        plain = text.replace("<|end|>", "")
        assert ours.encode(plain) == theirs.encode(plain).ids
        assert ours.with_special().encode(text) == theirs.encode(text).ids
        assert ours.decode(ours.encode(text)) == text


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_comes_back(pair, text):
    ours, theirs = pair
    assert ours.encode(text) == theirs.encode(text).ids or "<|end|>" in text
    assert ours.decode(ours.encode(text)) == text


def test_numbers_and_line_breaks_are_cut_by_the_rule_of_the_file(tmp_path: Path):
    told = tables(learnt(PLAIN, 257))
    pieces = [*told["tokens"], "12", "123", "Ġ1", "!Ċ"]
    told |= {"tokens": pieces, "token_type": [1] * len(pieces)}
    told["merges"] = ["1 2", "12 3", "Ġ 1", "! Ċ"]
    cuts = {}
    for rule in ("gpt-2", "smollm", "qwen2", "llama-bpe"):
        pieces = load_tokenizer(written(tmp_path / f"{rule}.gguf", pre=rule, **told))
        cuts[rule] = [pieces.piece(token).decode() for token in pieces.encode("1234 1!\n")]
    assert cuts == {
        "gpt-2": ["123", "4", " 1", "!", "\n"],
        "smollm": ["1", "2", "3", "4", " ", "1", "!", "\n"],
        "qwen2": ["1", "2", "3", "4", " ", "1", "!\n"],
        "llama-bpe": ["123", "4", " ", "1", "!\n"],
    }


def test_special_tokens_are_plain_text_unless_asked_for(pair):
    ours, theirs = pair
    end = theirs.token_to_id("<|end|>")
    assert ours.special_tokens == {"<|end|>": end}
    assert end not in ours.encode("a<|end|>b")
    assert ours.with_special().encode("a<|end|>b").count(end) == 1


def test_what_stands_before_every_text(tmp_path: Path):
    told = tables(learnt(PLAIN))
    end = told["tokens"].index("<|end|>")
    for number, (choices, first) in enumerate(
        [
            ({}, ()),
            ({"add_bos_token": True, "bos_token_id": end}, (end,)),
            ({"add_bos_token": False, "bos_token_id": end}, ()),
            ({"pre": "llama-bpe", "bos_token_id": end}, (end,)),
            ({"pre": "llama-bpe", "bos_token_id": end, "add_bos_token": False}, ()),
        ]
    ):
        pieces = load_tokenizer(written(tmp_path / f"{number}.gguf", **choices, **told))
        assert pieces.beginning == first
        assert pieces.prompt("ab") == [*first, *pieces.encode("ab")]
        again = tmp_path / f"{number}.json"
        pieces.save(again)
        assert load_tokenizer(again).beginning == first


def test_a_byte_that_is_no_piece_is_one_line(tmp_path: Path):
    told = tables(learnt(PLAIN))
    kept = [piece for piece in told["tokens"] if piece != chr(256 + 4)]
    told |= {"tokens": kept, "token_type": [1] * len(kept)}
    pieces = load_tokenizer(written(tmp_path / "model.gguf", **told))
    assert pieces.decode(pieces.encode("all but one")) == "all but one"
    with pytest.raises(TextError, match="the byte 0x4 is none of them"):
        pieces.encode("a\x04b")


# -- SentencePiece ----------------------------------------------------------------------------

WORDS = ["▁the", "the", "▁t", "th", "he", "▁a", "▁an", "and", "an", "nd", "▁and", "in", "▁▁"]
LETTERS = [SPACE, *"thendaiéx."]
PIECES = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *WORDS, *LETTERS]
SCORES = [0.0] * 259 + [-float(n) for n in range(len(WORDS))] + [-1000.0] * len(LETTERS)
KINDS = [2, 3, 3, *[6] * 256, *[1] * (len(WORDS) + len(LETTERS))]


@pytest.fixture(scope="module")
def sentences(tmp_path_factory) -> Tokenizer:
    file = tmp_path_factory.mktemp("spm") / "model.gguf"
    told = {"tokens": PIECES, "scores": SCORES, "token_type": KINDS, "bos_token_id": 1}
    return load_tokenizer(written(file, "llama", **told))


def by_hand(text: str) -> list[str]:
    """SentencePiece as its paper says it: of all pairs that make a piece, merge the best first."""
    symbols = list(("▁" + text).replace(" ", SPACE)) if text else []
    while True:
        pairs = [
            (SCORES[PIECES.index(a + b)], -place)
            for place, (a, b) in enumerate(pairwise(symbols))
            if a + b in PIECES
        ]
        if not pairs:
            break
        place = -max(pairs)[1]
        symbols[place : place + 2] = ["".join(symbols[place : place + 2])]
    found = []
    for symbol in symbols:
        known = symbol in PIECES
        found += [symbol] if known else [f"<0x{byte:02X}>" for byte in symbol.encode()]
    return found


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("thenda ix.é€"), max_size=20))
def test_sentence_pieces_are_merged_by_their_scores(sentences, text):
    ids = sentences.encode(text)
    assert [PIECES[token] for token in ids] == by_hand(text)
    assert sentences.decode(ids) == text
    assert sentences.decode(sentences.prompt(text)) == "<s>" + text


def test_a_sentencepiece_tokenizer_of_hugging_face_s_is_read_too(sentences, tmp_path: Path):
    assert isinstance(sentences, SentencePieces)
    assert (sentences.kind, sentences.beginning) == ("sentencepiece", (1,))
    sentences.save(tmp_path)
    again = load_tokenizer(tmp_path)
    assert again.encode("the and €") == sentences.encode("the and €")
    assert (again.beginning, again.special_tokens) == ((1,), {"<s>": 1, "</s>": 2})
    assert 2 not in again.encode("</s>")
    assert again.with_special().encode("</s>")[-1] == 2


# -- files that are none ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "bert"}, "of the model gpt2 or llama; it is 'bert'"),
        ({"pre": "deepseek"}, "as one of gpt-2, smollm, llama-bpe, qwen2 does"),
        ({"merges": ["a b c"]}, "merges of its own pieces"),
        ({"merges": ["zz zz"]}, "merges of its own pieces"),
        ({"token_type": [1]}, "a kind for each piece"),
        ({"tokens": ["a", "a"]}, "a list of different pieces"),
        ({"tokens": ["a", "b", "ab"], "token_type": [1] * 3, "merges": ["a b"]}, "254 are missing"),
        ({"add_bos_token": True, "bos_token_id": 99999}, "tokenizer.ggml.bos_token_id"),
        ({"model": "llama"}, "a score for each piece"),
    ],
)
def test_a_tokenizer_that_cannot_be_read_is_one_line(tmp_path: Path, changes, message):
    told = tables(learnt(PLAIN)) | changes
    file = written(tmp_path / "model.gguf", told.pop("model", "gpt2"), **told)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_tokenizer(file)
    assert "\n" not in str(caught.value)


def test_a_file_without_a_tokenizer_has_none(tmp_path: Path):
    writer = gguf.GGUFWriter(tmp_path / "bare.gguf", "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert not has_tokenizer(tmp_path / "bare.gguf")
    assert has_tokenizer(written(tmp_path / "has.gguf", **tables(learnt(PLAIN))))
    assert isinstance(load_tokenizer(tmp_path / "has.gguf"), BPE)
