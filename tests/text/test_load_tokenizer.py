import json
import pickle

import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from pellucid.errors import CheckpointError
from pellucid.shipped import SHIPPED
from pellucid.text import END_OF_TEXT, Characters, Words, gpt2, load_tokenizer, train_bpe
from pellucid.text.byte_level import read_merges

TEXT = "the cat sat on the mat, 😀 and the cats sat too"


@pytest.fixture(scope="module")
def small():
    return train_bpe(TEXT, 270)


@pytest.fixture
def model(small):
    """The tables of `small`: a vocabulary and a list of merges."""
    return json.loads(small.to_json())["model"]


def write_pair(folder, model, names=("vocab.json", "merges.txt"), end="\n"):
    (folder / names[0]).write_text(json.dumps(model["vocab"]), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in model["merges"])]
    (folder / names[1]).write_bytes((end.join(lines) + end).encode())


@pytest.mark.parametrize(
    ("name", "meant"),
    [("GPT2", "gpt2"), ("english_1M", "english-1M"), ("englisch-1M", "english-1M")],
)
def test_a_near_miss_of_a_name_is_said(name: str, meant: str):
    with pytest.raises(CheckpointError, match=rf"\(did you mean '{meant}'\?\); give a"):
        load_tokenizer(name)


def test_gpt2_by_name():
    assert load_tokenizer("gpt2") is gpt2()


def test_the_shipped_model_s_by_name_unless_a_path_is_called_so(tmp_path, monkeypatch):
    tokenizer = load_tokenizer("english-1M")
    assert tokenizer.to_json() == load_tokenizer(SHIPPED["english-1M"]).to_json()
    assert tokenizer.decode(tokenizer.encode("And he said")) == "And he said"
    monkeypatch.chdir(tmp_path)
    Characters("xyz").save(tmp_path / "english-1M")
    assert load_tokenizer("english-1M") == Characters("xyz")


@pytest.mark.parametrize("as_directory", [False, True])
@pytest.mark.parametrize(
    "tokenizer", [Characters("ab\n☃\u2028\"'"), Words(("AI", "rocks", "<EOS>", "é", '"'))]
)
def test_saved_and_loaded(tmp_path, tokenizer, as_directory):
    tokenizer.save(tmp_path if as_directory else tmp_path / "tokenizer.json")
    assert [file.name for file in tmp_path.iterdir()] == ["tokenizer.json"]
    assert (
        load_tokenizer(tmp_path if as_directory else str(tmp_path / "tokenizer.json")) == tokenizer
    )


def test_gpt2_saved_and_loaded(tmp_path):
    gpt2().save(tmp_path / "other.json")
    again = load_tokenizer(tmp_path / "other.json")
    assert again.vocab_size == 50257
    assert again.with_special().encode("Hello world<|endoftext|>") == [15496, 995, 50256]
    assert again.to_json() == gpt2().to_json()


@pytest.mark.parametrize("names", [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_vocabulary_and_merges(tmp_path, small, model, names, end):
    write_pair(tmp_path, model, names, end)
    loaded = load_tokenizer(tmp_path)
    assert loaded.encode(TEXT + END_OF_TEXT) == small.encode(TEXT + END_OF_TEXT)
    assert loaded.to_json() == small.to_json()


def test_the_published_pair_is_gpt2(shared):
    assert load_tokenizer(shared / "gpt2").to_json() == gpt2().to_json()


def test_added_tokens_of_a_pair(tmp_path, small, model):
    write_pair(tmp_path, model)
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<|é|>": small.vocab_size}))
    loaded = load_tokenizer(tmp_path)
    assert loaded.special_tokens["<|é|>"] == small.vocab_size
    assert loaded.with_special().encode("<|é|>") == [small.vocab_size]
    assert loaded.decode([small.vocab_size]) == "<|é|>"


def test_the_file_of_2019_that_names_no_type(tmp_path, small):
    old = json.loads(small.to_json())
    del old["model"]["type"], old["model"]["byte_fallback"], old["model"]["ignore_merges"]
    old["model"]["merges"] = [" ".join(pair) for pair in old["model"]["merges"]]
    old["model"]["continuing_subword_prefix"] = old["model"]["end_of_word_suffix"] = ""
    (tmp_path / "tokenizer.json").write_text(json.dumps(old))
    loaded = load_tokenizer(tmp_path)
    assert loaded.encode(TEXT) == small.encode(TEXT)
    assert loaded.merge_steps(TEXT) == small.merge_steps(TEXT)


def test_a_foreign_file_encodes_a_text_whole_and_as_it_is(tmp_path, model):
    # "zzz" is whole in the vocabulary, and no merge leads to it.
    vocabulary = model["vocab"] | {"zzz": len(model["vocab"])}
    merges = [tuple(pair) for pair in model["merges"]]
    foreign = tokenizers.Tokenizer(models.BPE(vocabulary, merges, ignore_merges=True))
    foreign.normalizer = normalizers.NFC()
    foreign.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(r" ?\S+"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    foreign.decoder = decoders.ByteLevel()
    foreign.add_special_tokens(["<s>", END_OF_TEXT])
    foreign.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", foreign.token_to_id("<s>"))]
    )
    foreign.enable_truncation(3)
    foreign.enable_padding(length=100)
    foreign.save(str(tmp_path / "tokenizer.json"))

    loaded = load_tokenizer(tmp_path).with_special()
    text = TEXT + " <s>zzz e\u0301"
    ids = loaded.encode(text)
    assert loaded.decode(ids) == TEXT + " <s>zzz é"
    assert vocabulary["zzz"] in ids
    assert [p for m in loaded.merge_steps(text) for p in m.pieces] == [*map(loaded.piece, ids)]


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        load_tokenizer(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_missing(tmp_path):
    assert "No such file" in refusal(tmp_path / "nowhere")
    assert "holds none of them" in refusal(tmp_path)
    (tmp_path / "vocab.json").write_text("{}")
    assert "merges.txt must be a file that can be read" in refusal(tmp_path)


def test_a_pickle_is_not_opened(tmp_path):
    file = tmp_path / "meta.pkl"
    file.write_bytes(pickle.dumps({"stoi": {"a": 0}, "itos": {0: "a"}}))
    assert "can run any code" in refusal(file)
    assert "can run any code" in refusal(tmp_path)
    Characters("a").save(tmp_path)
    assert load_tokenizer(tmp_path) == Characters("a")


@pytest.mark.parametrize("tokenizer", ["characters", "words", "bpe"])
def test_truncated(tmp_path, small, tokenizer):
    whole = {"characters": Characters("ab"), "words": Words(("a",)), "bpe": small}[
        tokenizer
    ].to_json()
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        (tmp_path / "tokenizer.json").write_text(whole[:size], encoding="utf-8")
        assert "must be JSON, and whole" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe{}", "UTF-8; its byte 0"),
        (b"{}", "is other JSON"),
        (b"[1, 2]", "is other JSON"),
        (b'{"pellucid": "runes", "alphabet": "ab"}', "is other JSON"),
        (b'{"pellucid": "characters", "alphabet": ["a"]}', "is other JSON"),
        (b'{"pellucid": "characters", "alphabet": "aa"}', "each of them once"),
        (b'{"pellucid": "characters", "alphabet": "\\ud800"}', "lone surrogate"),
        (b'{"pellucid": "words", "vocabulary": ["a", 1]}', "is other JSON"),
        (b'{"pellucid": "words", "vocabulary": ["a b"]}', "not so 'a b'"),
        (b'{"model": {"type": "Rune"}}', "it says"),
        (b"[" * 100_000, "must be JSON"),
    ],
)
def test_foreign_json(tmp_path, content, message):
    (tmp_path / "tokenizer.json").write_bytes(content)
    assert message in refusal(tmp_path)


def edited(small, **changes):
    library = json.loads(small.to_json())
    for key, value in changes.items():
        (library["model"] if key in library["model"] else library)[key] = value
    return json.dumps(library)


def test_foreign_tokenizers(tmp_path, small, model):
    file = tmp_path / "tokenizer.json"
    bytes_missing = {piece: i for i, piece in enumerate(["a", "b", "ab"])}
    gap = {piece: i + 5 * (i == 269) for piece, i in model["vocab"].items()}
    for content, message in [
        (tokenizers.Tokenizer(models.WordPiece({"a": 0}, unk_token="a")).to_str(), "is WordPiece"),
        (tokenizers.Tokenizer(models.BPE()).to_str(), "decoded by NoneType"),
        (edited(small, dropout=0.1), "sets dropout"),
        (edited(small, end_of_word_suffix="</w>"), "sets end_of_word_suffix"),
        (
            edited(small, vocab=bytes_missing, merges=[["a", "b"]], added_tokens=[]),
            "254 are missing",
        ),
        (edited(small, vocab=gap, added_tokens=[]), "269 has no piece"),
        (edited(small, merges=[["xx", "yy"]]), "it says"),
    ]:
        file.write_text(content, encoding="utf-8")
        assert message in refusal(tmp_path)


def test_pairs_that_do_not_belong_together(tmp_path, model):
    write_pair(tmp_path, model | {"merges": [["xx", "yy"]]})
    assert "must belong together" in refusal(tmp_path)
    write_pair(tmp_path, model | {"merges": [["t", "h", "e"]]})
    assert "merge 1 of 1 is not two pieces" in refusal(tmp_path)
    write_pair(tmp_path, model | {"vocab": {"a": "b"}})
    assert "pieces and their ids" in refusal(tmp_path)
    write_pair(tmp_path, model | {"vocab": {"a": -1}})
    assert "pieces and their ids" in refusal(tmp_path)
    write_pair(tmp_path, model | {"vocab": {"a": 2**40}})
    assert "must belong together" in refusal(tmp_path)
    write_pair(tmp_path, model | {"vocab": {"a": 0}, "merges": []})
    assert "must belong together" in refusal(tmp_path)
    (tmp_path / "vocab.json").write_text('{"a": 0')
    assert "must be JSON, and whole" in refusal(tmp_path)


@pytest.mark.parametrize("version", ["#version: 0.2\n", ""])
def test_every_merge_is_read_with_a_version_and_without(version: str):
    assert read_merges(f"{version}a b\nab c\n") == [("a", "b"), ("ab", "c")]
    with pytest.raises(ValueError, match="merge 2 of 2"):
        read_merges(f"{version}a b\nabc\n")
