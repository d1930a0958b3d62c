"""The chat template that came with a model: in its GGUF file, or in files beside its weights."""

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from pellucid.checkpoint.read import read_json, unreadable
from pellucid.checkpoint.recognise import find
from pellucid.errors import CheckpointError
from pellucid.files import write_text
from pellucid.gguf_header import SUFFIX, read_gguf
from pellucid.models import RANDOM_MODELS
from pellucid.text import ChatTemplate
from pellucid.text.gguf_settings import TEMPLATE, USES

TEMPLATE_FILES = FILE, SETTINGS = "chat_template.jinja", "tokenizer_config.json"
"""Beside a model's weights: the template alone, and settings that may hold it."""


def read_chat_template(path: str | PathLike[str]) -> ChatTemplate | None:
    """The template of the checkpoint that `load` reads for this path or name, if it has one.

    Raises `CheckpointError` for files that cannot be read, and what `load` raises for the name.
    """
    if path in RANDOM_MODELS:
        return None
    place = find(path, online=False)
    if place.suffix == SUFFIX and place.is_file():
        return _in_gguf(place)
    return _in_directory(place.parent if place.is_file() else place)


def write_chat_template(template: ChatTemplate, directory: Path) -> None:
    """Write a template as transformers reads it; `WriteError` where it cannot be."""
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **template.tokens}
    settings["chat_template"] = template.source
    write_text(directory / SETTINGS, json.dumps(settings, indent=2, ensure_ascii=False) + "\n")


def _in_gguf(file: Path) -> ChatTemplate | None:
    settings = read_gguf(file)[0].settings
    pieces, source = settings.get("tokenizer.ggml.tokens"), settings.get(TEMPLATE)
    if not (isinstance(source, str) and isinstance(pieces, list)):
        return None

    def piece(use: str) -> str | None:
        token = settings.get(f"tokenizer.ggml.{use}_token_id")
        if type(token) is not int or not 0 <= token < len(pieces):
            return None
        return pieces[token] if isinstance(pieces[token], str) else None

    tokens = {name: piece(use) for name, use in USES.items()}
    ends = (piece(use) for use in ("eos", "eot", "eom"))
    return ChatTemplate(source, _said(tokens), tuple(end for end in ends if end))


def _in_directory(directory: Path) -> ChatTemplate | None:
    settings = read_json(directory / SETTINGS) if (directory / SETTINGS).exists() else {}
    source = settings.get("chat_template")
    if isinstance(source, list):  # several by name, of which one is for talking
        named = [one for one in source if isinstance(one, dict) and one.get("name") == "default"]
        source = named[0].get("template") if named else None
    if (directory / FILE).exists():
        source = _text(directory / FILE)
    if source is None:
        return None
    if not isinstance(source, str):
        raise CheckpointError(
            f"{directory / SETTINGS}: a chat_template must be text; it is "
            f"{type(source).__name__}; copy the file again"
        )
    tokens = {name: settings.get(name) for name in USES}
    # A token is its text, or that with how it is to be read.
    known = _said(
        {name: one.get("content") if isinstance(one, dict) else one for name, one in tokens.items()}
    )
    return ChatTemplate(source, known, tuple(filter(None, [known.get("eos_token")])))


def _said(tokens: Mapping[str, Any]) -> dict[str, str]:
    return {name: token for name, token in tokens.items() if isinstance(token, str)}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise unreadable(file, error) from error
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"{file} must be text in UTF-8; its byte {error.start} is not; copy the file again"
        ) from error
