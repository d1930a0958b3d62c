"""Directories of tokens to train on: Pellucid's own, nanoGPT's and llm.c's."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.errors import ConfigError, TextError
from pellucid.files import parse_json
from pellucid.text.choose import wanted
from pellucid.text.load import has_tokenizer, load_tokenizer
from pellucid.text.prepare import DATA, TOKENIZER, TRAIN, VALID, VERSION
from pellucid.text.token_files import UINT16, UINT32, TokenFiles, read_tokens
from pellucid.text.tokenizer import Tokenizer, same_pieces

_NANOGPT = ("train.bin", "val.bin")
_LLM_C = ("*_train*.bin", "*_val*.bin")
_PICKLE = "meta.pkl"
_GLANCE = 1 << 16
"""Tokens at the beginning of each part that are held to the tokenizer when it is opened."""


class Parts(NamedTuple):
    """The two parts of a directory of tokens."""

    training: TokenFiles
    validation: TokenFiles


class Prepared(NamedTuple):
    """The two parts of a directory of tokens, and the tokenizer that they were made by."""

    training: TokenFiles
    validation: TokenFiles
    tokenizer: Tokenizer


def read_prepared(directory: str | Path, choice: str | None = None) -> Prepared:
    """The tokens of a directory and their tokenizer.

    nanoGPT's and llm.c's take the one that `choice` names where they have no `tokenizer.json`, by
    default GPT-2's; nanoGPT's `meta.pkl` is not opened, since a pickle can run any code. Raises
    `TextError` for what cannot be read, `ConfigError` for a tokenizer that is not the directory's,
    and `TokenError` for ids that it does not know: at once where they stand near the beginning, and
    else when they are read.
    """
    place = Path(directory)
    stated = _stated(place) if (place / DATA).exists() else None
    tokenizer = _tokenizer(place, choice)
    parts = _parts(place, tokenizer.vocab_size, stated)
    for part in parts:
        part.read(0, min(len(part), _GLANCE))
    return Prepared(*parts, tokenizer)


class _Stated(NamedTuple):
    """What `data.json` says of the tokens: their bits, and how many each file has."""

    dtype: np.dtype[Any]
    counts: dict[str, int]


def _parts(place: Path, vocab_size: int, stated: _Stated | None) -> Parts:
    """The tokens of a directory: which of the three forms it has, its files' names tell."""
    if stated is not None:
        return _own(place, vocab_size, stated)
    for training, validation in (_NANOGPT, _LLM_C):
        found = [sorted(place.glob(pattern)) for pattern in (training, validation)]
        if all(found):
            read = ([read_tokens(file, vocab_size) for file in files] for files in found)
            return Parts(*(TokenFiles(tokens, vocab_size) for tokens in read))
    raise TextError(
        f"a directory to train on has {DATA} beside {TRAIN} and {VALID}, or {_NANOGPT[1]} beside "
        f"{_NANOGPT[0]}, or {_LLM_C[0]} and {_LLM_C[1]}, and {place} has none of them: make one by "
        "pellucid prepare"
    )


def _stated(place: Path) -> _Stated:
    """What the `data.json` of a directory that `prepare` wrote says."""
    path = place / DATA
    try:
        data: Any = parse_json(path.read_text(encoding="utf-8"))
        version, named = int(data["version"]), str(data["dtype"])
        counts = {name: int(data["files"][name]["tokens"]) for name in (TRAIN, VALID)}
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise TextError(
            f"{path} must be what pellucid prepare wrote, and it is not ({reason}): prepare the "
            "texts again"
        ) from None
    dtype = {"uint16": UINT16, "uint32": UINT32}.get(named)
    if version != VERSION or dtype is None:
        raise TextError(
            f"{path} must be of version {VERSION} with tokens of uint16 or uint32, and it is of "
            f"version {version} with {named!r}: prepare the texts again"
        )
    return _Stated(dtype, counts)


def _own(place: Path, vocab_size: int, stated: _Stated) -> Parts:
    """The parts of a directory that `prepare` wrote, held to what its `data.json` says."""
    parts = []
    for name, count in stated.counts.items():
        tokens = read_tokens(place / name, vocab_size, stated.dtype)
        if len(tokens) != count:
            raise TextError(
                f"{place / name} must have the {count:,} tokens that {DATA} says, and it has "
                f"{len(tokens):,}: prepare the texts again"
            )
        parts.append(TokenFiles([tokens], vocab_size))
    return Parts(*parts)


def _check_own(place: Path) -> None:
    """Hold the tokenizer to the hash in `data.json`, whose form `_stated` has seen to."""
    try:
        made_by = parse_json((place / DATA).read_text("utf-8"))["files"][TOKENIZER]["sha256"]
        same = hashlib.sha256((place / TOKENIZER).read_bytes()).hexdigest() == made_by
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise TextError(
            f"{place / TOKENIZER} must be the one that made the tokens, whose hash {DATA} has, and "
            "it is missing or another: copy it again, or prepare the texts again"
        )


def _tokenizer(place: Path, choice: str | None) -> Tokenizer:
    """The directory's own, or else the chosen one; `ConfigError` where they contradict.

    Where `prepare` wrote the tokens, its tokenizer must still be there, as it was.
    """
    if choice is not None and wanted(choice) is not None:
        raise ConfigError(
            f"a tokenizer is learnt from a text, and {place} has tokens already: leave out "
            f"--tokenizer {choice}, or give the tokenizer that made them"
        )
    if (place / DATA).exists():
        _check_own(place)
    elif not has_tokenizer(place):
        if choice is None and (place / _PICKLE).exists():
            return load_tokenizer(place / _PICKLE)  # which says why it is not read
        return load_tokenizer(choice or "gpt2")
    own = load_tokenizer(place)
    if choice is not None and not same_pieces(load_tokenizer(choice), own):
        raise ConfigError(
            f"{place} has a tokenizer of its own, and --tokenizer {choice} is another: leave it out"
        )
    return own
