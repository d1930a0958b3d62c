"""Tokenizers from files: ours, those of Hugging Face and OpenAI; never a pickle."""

from os import PathLike
from pathlib import Path
from typing import Any

from pellucid.errors import CheckpointError, ConfigError, TextError, did_you_mean
from pellucid.files import parse_json
from pellucid.gguf_header import SUFFIX, read_gguf
from pellucid.shipped import DESCRIBED, SHIPPED_MODEL, named_path
from pellucid.text.bpe import BPE, END_OF_TEXT, gpt2
from pellucid.text.byte_level import make_library, read_merges
from pellucid.text.characters import Characters
from pellucid.text.gguf_tokenizer import gguf_tokenizer
from pellucid.text.sentence_pieces import SentencePieces
from pellucid.text.tokenizer import Tokenizer
from pellucid.text.words import Words

_FILE = "tokenizer.json"
_PAIRS = {"vocab.json": "merges.txt", "encoder.json": "vocab.bpe"}
_PICKLE = "meta.pkl"


def load_tokenizer(path_or_name: str | PathLike[str]) -> Tokenizer:
    """The tokenizer with this name, or from this file or directory.

    - "gpt2": GPT-2's own, from this package (a directory of that name is "./gpt2");
    - "english-1M", or another name of `shipped.DESCRIBED`: that of a trained model;
    - a `tokenizer.json`: ours for characters and words, and Hugging Face's for any byte-level BPE
      and for SentencePiece's BPE;
    - a `.gguf` file, which holds one beside the model's weights;
    - a directory with a `tokenizer.json`, or else with `vocab.json` and `merges.txt` (Hugging Face;
      `added_tokens.json` too), or else with `encoder.json` and `vocab.bpe` (OpenAI).

    nanoGPT's `meta.pkl` is not read, because opening a pickle runs the code in it.

    Raises `CheckpointError` for a file that is missing, truncated, or of another kind.
    """
    if path_or_name == "gpt2":
        return gpt2()
    path = named_path(path_or_name) or Path(path_or_name)
    if path.is_dir():
        return _from_directory(path)
    if path.suffix == ".pkl":
        raise _pickled(path)
    return gguf_tokenizer(path) if path.suffix == SUFFIX else _from_file(path)


def has_tokenizer(place: Path) -> bool:
    """Whether a tokenizer stands in this directory or this `.gguf` file, readable or not."""
    if place.suffix == SUFFIX and place.is_file():
        return "tokenizer.ggml.model" in read_gguf(place)[0].settings
    return any((place / name).exists() for name in (_FILE, *_PAIRS))


def _from_directory(path: Path) -> Tokenizer:
    if (path / _FILE).exists():
        return _from_file(path / _FILE)
    for vocabulary, merges in _PAIRS.items():
        if (path / vocabulary).exists():
            return _from_pair(path / vocabulary, path / merges)
    if (path / _PICKLE).exists():
        raise _pickled(path / _PICKLE)
    pairs = " or ".join(f"{vocabulary} with {merges}" for vocabulary, merges in _PAIRS.items())
    raise CheckpointError(
        f"a tokenizer's directory holds {_FILE}, or {pairs}; {path} holds none of them; "
        f"give the directory that does, or the name gpt2 or {SHIPPED_MODEL}"
    )


def _from_file(path: Path) -> Tokenizer:
    """A `tokenizer.json`, ours or Hugging Face's."""
    text = _read(path)
    try:
        match _parse(text, path):
            case {"pellucid": Characters.kind, "alphabet": str(alphabet)}:
                return Characters(alphabet)
            case {"pellucid": Words.kind, "vocabulary": [*words]} if _strings(words):
                return Words(tuple(words))
            case {"model": _}:
                return _from_hugging_face(text, path)
    except (ConfigError, TextError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    raise CheckpointError(
        f"a {_FILE} is one that Pellucid or Hugging Face's tokenizers wrote; {path} is other JSON; "
        "for files of another kind give their directory"
    )


def _from_hugging_face(text: str, path: Path) -> Tokenizer:
    from tokenizers import Tokenizer as Library  # noqa: PLC0415 - see byte_level.py

    try:
        library = Library.from_str(text)
    except Exception as error:  # the library raises nothing narrower
        raise CheckpointError(
            f"a {_FILE} must be one that the tokenizers library reads; of {path} it says: "
            f"{_line(error)}; copy the file again, or update the library"
        ) from error
    spelled_by_bytes = getattr(library.model, "byte_fallback", False)
    return SentencePieces(library) if spelled_by_bytes else BPE(library)


def _from_pair(vocabulary: Path, merges: Path) -> BPE:
    """A JSON of piece to id, and a list of merges."""
    added_tokens = vocabulary.with_name("added_tokens.json")
    added = _read_ids(added_tokens) if added_tokens.exists() else {}
    pieces = _read_ids(vocabulary) | added
    special = [token for token in [END_OF_TEXT, *added] if token in pieces]
    lines = _read(merges)
    try:
        return BPE(make_library(pieces, read_merges(lines), special))
    except Exception as error:  # the library raises nothing narrower
        raise CheckpointError(
            f"{vocabulary.name} and {merges.name} must belong together; of {merges} and its "
            f"neighbour: {_line(error)}; copy both again"
        ) from error


def _read_ids(path: Path) -> dict[str, int]:
    ids = _parse(_read(path), path)
    if not isinstance(ids, dict) or not all(
        type(token) is int and token >= 0 for token in ids.values()
    ):
        raise CheckpointError(
            f"a {path.name} is a JSON object of pieces and their ids; {path} is other JSON; "
            "copy the file again"
        )
    return ids


def _parse(text: str, path: Path) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        raise CheckpointError(
            f"{path} must be JSON, and whole; it is not ({error}); copy the file again"
        ) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointError(
            f"{path} must be a file that can be read; {error.strerror}"
            f"{did_you_mean(str(path), ('gpt2', *DESCRIBED))}; give a {_FILE}, a "
            f"directory that holds one, or the name gpt2 or {SHIPPED_MODEL}"
        ) from error
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"{path} must be text in UTF-8; its byte {error.start} is not; copy the file again"
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _strings(words: list[object]) -> bool:
    return all(isinstance(word, str) for word in words)


def _pickled(path: Path) -> CheckpointError:
    return CheckpointError(
        f"a tokenizer is read from JSON; {path} is a pickle, which can run any code when opened; "
        f"save Characters.from_text(the training text) as {_FILE} instead: it gives nanoGPT's ids"
    )
