"""Chat templates in files: where transformers and llama.cpp keep them."""

import json
from pathlib import Path
from typing import Any

import pytest

from pellucid.checkpoint import read_chat_template, write_chat_template
from pellucid.errors import CheckpointError
from pellucid.text import ChatTemplate

SOURCE = "{{ bos_token }}{{ messages[0].content }}"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


@pytest.mark.parametrize(
    "settings",
    [
        {"chat_template": SOURCE, **TOKENS},
        {
            "chat_template": [
                {"name": "tools", "template": ""},
                {"name": "default", "template": SOURCE},
            ]
        }
        | TOKENS,
        {"chat_template": SOURCE, "bos_token": {"content": "<s>", "lstrip": False}}
        | {"eos_token": "</s>", "pad_token": None, "model_max_length": 7},
    ],
    ids=["text", "several", "tokens with settings"],
)
def test_the_settings_of_a_tokenizer_have_it(settings: dict[str, Any], tmp_path: Path):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert read_chat_template(tmp_path) == ChatTemplate(SOURCE, TOKENS, ("</s>",))


def test_a_file_of_its_own_goes_before(tmp_path: Path):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "old", **TOKENS}))
    (tmp_path / "chat_template.jinja").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "model.safetensors").touch()
    for place in (tmp_path, tmp_path / "model.safetensors"):
        assert read_chat_template(place) == ChatTemplate(SOURCE, TOKENS, ("</s>",))


def test_what_is_written_is_read(tmp_path: Path):
    template = ChatTemplate("{{ 'é' }}", TOKENS, ("</s>",))
    write_chat_template(template, tmp_path)
    assert read_chat_template(tmp_path) == template


@pytest.mark.parametrize("name", ["english-1M", "gpt2-tiny"])
def test_a_model_without_one_has_none(name: str, tmp_path: Path):
    assert read_chat_template(name) is None
    assert read_chat_template(tmp_path) is None
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": None}))
    assert read_chat_template(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tokenizer_config.json", b"{", "must be JSON, and whole"),
        ("tokenizer_config.json", b'{"chat_template": 7}', "must be text; it is int"),
        ("chat_template.jinja", b"\xff", "must be text in UTF-8; its byte 0 is not"),
    ],
)
def test_a_broken_file_is_one_line(name: str, content: bytes, said: str, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=said):
        read_chat_template(tmp_path)


def test_a_file_that_cannot_be_opened_is_one_line(tmp_path: Path):
    (tmp_path / "chat_template.jinja").mkdir()
    with pytest.raises(CheckpointError, match="must be a file that can be read"):
        read_chat_template(tmp_path)
