from pathlib import Path

import pytest

from pellucid.checkpoint import load, open_model, save
from pellucid.errors import CheckpointError
from pellucid.models import GPT, RANDOM_MODELS, GPTConfig
from pellucid.text import Characters


def tiny(vocab_size: int) -> GPT:
    return GPT.init(GPTConfig(vocab_size, block_size=4, n_layer=1, n_head=1, n_embd=4))


def test_a_model_comes_with_the_tokenizer_of_its_directory(tmp_path: Path):
    save(tiny(3), tmp_path)
    Characters("abc").save(tmp_path)
    model, tokenizer = open_model(str(tmp_path))
    assert model.config.vocab_size == tokenizer.vocab_size == 3
    assert tokenizer == Characters("abc")


def test_another_tokenizer_can_be_named(tmp_path: Path):
    save(tiny(3), tmp_path)
    Characters("abc").save(tmp_path)
    Characters("xy").save(tmp_path / "other.json")
    _, tokenizer = open_model(str(tmp_path), tokenizer=str(tmp_path / "other.json"))
    assert tokenizer == Characters("xy")


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(tmp_path: Path):
    save(tiny(3), tmp_path)
    Characters("abcd").save(tmp_path)
    with pytest.raises(CheckpointError, match=r"4 for the model's 3: give the model's own"):
        open_model(str(tmp_path))


def test_gpt2_s_vocabulary_needs_no_tokenizer_file(tmp_path: Path):
    save(tiny(50257), tmp_path)
    _, tokenizer = open_model(str(tmp_path))
    assert tokenizer.encode("Hello world") == [15496, 995]
    save(tiny(50256), tmp_path)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        open_model(str(tmp_path))


def test_a_random_model_has_a_name():
    model, tokenizer = open_model("gpt2-tiny")
    assert model.config == RANDOM_MODELS["gpt2-tiny"] == load("gpt2-tiny").config
    assert tokenizer.encode("hello") == [31373]


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.json", "encoder.json"])
def test_a_broken_tokenizer_is_not_replaced_by_gpt2_s(tmp_path: Path, name: str):
    save(tiny(50257), tmp_path)
    (tmp_path / name).write_text('{"model": {"type": "BP')
    with pytest.raises(CheckpointError, match=name):
        open_model(str(tmp_path))


def test_a_model_s_file_has_its_tokenizer_beside_it(tmp_path: Path):
    save(tiny(3), tmp_path)
    Characters("abc").save(tmp_path)
    _, tokenizer = open_model(str(tmp_path / "model.safetensors"))
    assert tokenizer == Characters("abc")
