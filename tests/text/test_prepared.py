"""Directories of tokens to train on: what is drawn from them is what the text would give."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from pellucid.errors import CheckpointError, ConfigError, PellucidError, TextError, TokenError
from pellucid.models import GPT, GPTConfig
from pellucid.text import (
    Characters,
    Words,
    choose_tokenizer,
    gpt2,
    load_tokenizer,
    train_bpe,
)
from pellucid.text.corpus import Corpus, corpus_for, open_corpus
from pellucid.text.prepare import prepare
from pellucid.text.token_files import TokenFiles
from pellucid.train import Recipe, train

TEXT = "one two three four five six seven eight nine ten, and over again.\n" * 12


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "text.txt"
    file.write_text(TEXT)
    return file


def prepared(text: Path, choice: str = "chars") -> Path:
    out = text.parent / "prepared"
    prepare([str(text)], out, tokenizer=choice)
    return out


def nanogpt(folder: Path, training: list[int], validation: list[int]) -> Path:
    folder.mkdir()
    for name, ids in (("train", training), ("val", validation)):
        np.array(ids, dtype=np.uint16).tofile(folder / f"{name}.bin")
    return folder


def drawn(corpus: Corpus) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    batches = [corpus.batch(5, generator, done=0.5) for _ in range(4)]
    batches += list(corpus.validation_batches(3)) + list(corpus.validation_batches(3, 4))
    return [part for batch in batches for part in batch]


def assert_same(one: Corpus, other: Corpus) -> None:
    assert len(one.training) == len(other.training)
    assert len(one.validation) == len(other.validation)
    for here, there in zip(drawn(one), drawn(other), strict=True):
        assert here.dtype == there.dtype == torch.int64
        assert torch.equal(here, there)


@pytest.mark.parametrize("choice", ["chars", "words", "bpe:270", "gpt2"])
def test_a_prepared_directory_gives_the_batches_of_its_text(text: Path, choice: str):
    from_text, tokenizer = open_corpus(text, choice, 4)
    from_files, own = open_corpus(prepared(text, choice), None, 4)
    assert own.to_json() == tokenizer.to_json()
    assert isinstance(from_files.training, TokenFiles)
    assert_same(from_files, from_text)


def test_a_text_is_opened_by_characters_unless_another_tokenizer_is_chosen(text: Path):
    corpus, tokenizer = open_corpus(text, None, 8)
    assert tokenizer == Characters.from_text(TEXT)
    assert_same(corpus, Corpus.from_text(TEXT, tokenizer, 8))


def test_a_training_is_the_same_from_a_directory_as_from_its_text(text: Path):
    recipe = Recipe(max_iters=4, batch_size=3, eval_interval=2, warmup_iters=1)
    losses = []
    for path, choice in ((text, "chars"), (prepared(text), None)):
        corpus, tokenizer = open_corpus(path, choice, 8)
        config = GPTConfig(tokenizer.vocab_size, block_size=8, n_layer=1, n_head=2, n_embd=8)
        steps = train(GPT.init(config), corpus, recipe)
        losses.append([(step.loss, step.validation_loss) for step in steps])
    assert losses[0] == losses[1]


def test_nanogpt_s_directory_is_read_with_gpt2_s_tokenizer_or_the_named_one(tmp_path: Path):
    ids = [*range(40), 50256, 7]
    folder = nanogpt(tmp_path / "nanogpt", ids, ids[:20])
    corpus, tokenizer = open_corpus(folder, None, 8)
    assert tokenizer is gpt2()
    assert_same(corpus, Corpus(torch.tensor(ids), torch.tensor(ids[:20]), 8))
    as_many = Characters("".join(map(chr, range(50_257))))
    as_many.save(tmp_path / "own.json")
    assert open_corpus(folder, str(tmp_path / "own.json"), 8)[1] == as_many


def test_nanogpt_s_pickle_is_never_opened(tmp_path: Path):
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    folder = nanogpt(tmp_path / "nanogpt", list(range(20)), list(range(20)))
    (folder / "meta.pkl").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="pickle"):
        open_corpus(folder, None, 8)
    assert open_corpus(folder, "gpt2", 8)[1] is gpt2()
    assert not (tmp_path / "ran").exists()


def test_llm_c_s_files_are_one_row(tmp_path: Path, llm_c):
    llm_c(tmp_path / "fineweb_train_000002.bin", list(range(30, 50)))
    llm_c(tmp_path / "fineweb_train_000001.bin", list(range(30)))
    llm_c(tmp_path / "fineweb_val_000000.bin", list(range(100, 130)))
    corpus, tokenizer = open_corpus(tmp_path, None, 12)
    assert tokenizer is gpt2()
    assert_same(corpus, Corpus(torch.arange(50), torch.arange(100, 130), 12))


def test_a_tokenizer_that_is_not_the_directory_s_is_refused(text: Path):
    folder = prepared(text)
    assert open_corpus(folder, str(folder), 8)[1] == choose_tokenizer("chars", TEXT)
    for choice, words in (("gpt2", "is another"), ("chars", "learnt"), ("bpe:300", "learnt")):
        with pytest.raises(ConfigError, match=words) as error:
            open_corpus(folder, choice, 8)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", ["missing", "another", "no hash"])
def test_tokens_without_the_tokenizer_that_made_them_are_refused(text: Path, change: str):
    folder = prepared(text)
    if change == "missing":
        (folder / "tokenizer.json").unlink()
    elif change == "another":
        choose_tokenizer("chars", TEXT + "!").save(folder)
    else:
        data = json.loads((folder / "data.json").read_text())
        del data["files"]["tokenizer.json"]
        (folder / "data.json").write_text(json.dumps(data))
    for choice in (None, "gpt2"):
        with pytest.raises(TextError, match=r"tokenizer\.json must be the one") as error:
            open_corpus(folder, choice, 8)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("place", ["training", "validation"])
def test_ids_that_the_tokenizer_does_not_know_are_refused_at_once(tmp_path: Path, place: str):
    known, one_more = [*range(3)] * 8, [*range(3)] * 8 + [3]
    parts = (one_more, known) if place == "training" else (known, one_more)
    Characters("abc").save(tmp_path / "abc.json")
    with pytest.raises(TokenError, match=r"from 0 to 2, .* and 3 stands .* --tokenizer") as error:
        open_corpus(nanogpt(tmp_path / "nanogpt", *parts), str(tmp_path / "abc.json"), 8)
    assert "\n" not in str(error.value)
    Characters("abcd").save(tmp_path / "abc.json")
    assert open_corpus(tmp_path / "nanogpt", str(tmp_path / "abc.json"), 8)[1].vocab_size == 4


def test_an_unknown_id_far_into_a_file_is_a_line_when_it_is_drawn(tmp_path: Path):
    Characters("abc").save(tmp_path / "abc.json")
    ids = [0] * 100_000
    folder = nanogpt(tmp_path / "nanogpt", ids, [*ids, 65_535, *[0] * 8])
    corpus, tokenizer = open_corpus(folder, str(tmp_path / "abc.json"), 8)
    assert tokenizer.vocab_size == 3
    with pytest.raises(TokenError, match=r"from 0 to 2, .* and 65535 stands"):
        list(corpus.validation_batches(4))


def test_a_model_goes_on_with_the_tokens_of_its_own_tokenizer_alone(text: Path):
    folder = prepared(text, "bpe:270")
    own = load_tokenizer(folder)
    assert_same(corpus_for(folder, own, 4), open_corpus(folder, None, 4)[0])
    other = train_bpe(TEXT.swapcase(), own.vocab_size)
    assert other.vocab_size == own.vocab_size
    for another in (gpt2(), other):
        with pytest.raises(TextError, match="another made them") as error:
            corpus_for(folder, another, 4)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(("size", "highest"), [(70_000, 69_999), (65_536, 65_535), (300, 299)])
def test_nanogpt_s_tokens_may_have_32_bits(tmp_path: Path, size: int, highest: int):
    ids = [highest, *range(39), highest]
    folder = tmp_path / "nanogpt"
    folder.mkdir()
    for name in ("train", "val"):
        np.array(ids, np.uint32).tofile(folder / f"{name}.bin")
    Words(tuple(f"w{number}" for number in range(size))).save(folder)
    corpus, _ = open_corpus(folder, None, 8)
    assert_same(corpus, Corpus(torch.tensor(ids), torch.tensor(ids), 8))


def test_tokens_in_16_bits_of_a_larger_vocabulary_are_refused(tmp_path: Path):
    folder = nanogpt(tmp_path / "nanogpt", [65_535] * 40, [65_535] * 40)
    Words(tuple(f"w{number}" for number in range(70_000))).save(folder)
    with pytest.raises(TextError, match=r"32 bits .* 70,000 ids, .* has 16") as error:
        open_corpus(folder, None, 8)
    assert "\n" not in str(error.value)


def test_a_directory_without_tokens_is_refused(tmp_path: Path):
    (tmp_path / "train.bin").write_bytes(b"ab")
    with pytest.raises(TextError, match="pellucid prepare"):
        open_corpus(tmp_path, None, 8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data | {"version": 2}, "version 1 .* version 2"),
        (lambda data: data | {"dtype": "int64"}, "with 'int64'"),
        (lambda data: data | {"dtype": "uint64"}, "with 'uint64'"),
        (lambda data: data | {"dtype": "no such"}, "with 'no such'"),
        (lambda data: data | {"files": {}}, "train.bin"),
        (lambda data: [], "is not"),
        (lambda data: data | {"dtype": "uint32"}, "tokens that data.json says"),
    ],
)
def test_a_data_json_that_is_not_so_is_refused(text: Path, change, words: str):
    folder = prepared(text)
    file = folder / "data.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(PellucidError, match=words) as error:
        open_corpus(folder, None, 8)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["train.bin", "valid.bin"])
def test_a_file_that_is_cut_off_is_refused(text: Path, name: str):
    folder = prepared(text)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-2])
    with pytest.raises(TextError, match=f"{name} must have the .* tokens"):
        open_corpus(folder, None, 8)


def test_a_file_that_has_grown_is_refused(text: Path):
    folder = prepared(text)
    with (folder / "train.bin").open("ab") as file:
        file.write(b"\0\0")
    with pytest.raises(TextError, match=r"train\.bin must have the .* tokens"):
        open_corpus(folder, None, 8)


def test_windows_are_found_where_float32_cannot_count_any_more():
    row = TokenFiles([range(count := (1 << 24) + 3)], count)  # each token is its own place
    (tokens, targets), *rest = Corpus(row, row, 1).validation_batches(8, at_most=3)
    assert rest == []
    assert tokens.tolist() == [[0], [1 << 23], [(1 << 24) + 1]]
    assert targets.tolist() == [[1], [(1 << 23) + 1], [(1 << 24) + 2]]


def test_parts_that_are_too_short_for_a_window_are_refused(text: Path):
    with pytest.raises(TextError, match="validation part"):
        open_corpus(prepared(text), None, 200)
