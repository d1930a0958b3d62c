"""Texts of any size into files of tokens: read once or twice from end to end, never held whole.

A directory gets `train.bin` and `valid.bin`, raw tokens as in `token_files`, the `tokenizer.json`
that made them, and `data.json`, which says what they are. It is written last: where it stands, all
the rest is whole.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import ConfigError, TextError, WriteError
from pellucid.files import clear_unfinished, make_room, whole_file, write_text
from pellucid.text.choose import choose_tokenizer, cut_for, ending, wanted
from pellucid.text.chunks import chunks, encode_stream, thinned
from pellucid.text.sources import READ, STDIN, TextSource
from pellucid.text.token_files import dtype_for
from pellucid.text.tokenizer import Ids, Tokenizer

TRAIN, VALID, TOKENIZER, DATA = "train.bin", "valid.bin", "tokenizer.json", "data.json"

VERSION = 1

HELD_OUT = 0.1
"""The last part of the tokens that is never trained on, unless the user says otherwise."""

SAMPLE = 1 << 25
"""Characters that a BPE is learnt from, at most: 33.6 million."""

Watch = Callable[[str, int | None, int], None]
"""Called with what is being done, how many bytes there are, and how many more are done."""


@dataclass(frozen=True)
class Data:
    """What `data.json` says of a directory of tokens."""

    vocab_size: int
    dtype: str
    separator: int | None  # the token between two documents
    held_out: float | None  # the last part of all tokens; None where --valid named files
    learnt_from: dict[str, int] | None  # characters: those a BPE was learnt from, and all
    sources: list[dict[str, Any]]  # name, bytes, sha256, and the part that it is in
    files: dict[str, dict[str, Any]]  # by name: tokens or the tokenizer's kind, and sha256
    special: bool  # whether special tokens that are spelt in the texts were read
    version: int = VERSION

    def tokens(self, name: str) -> int:
        """How many tokens a file has."""
        return int(self.files[name]["tokens"])


def prepare(
    texts: Sequence[str],
    out: Path,
    *,
    tokenizer: str,
    held_out: float = HELD_OUT,
    valid: Sequence[str] = (),
    special: bool = False,
    overwrite: bool = False,
    watch: Watch = lambda *_: None,
) -> Data:
    """Encode the texts into `out`; the last part of the tokens is held out, or the `valid` texts.

    A text is a file's name, gzipped or not, or `-` for standard input, and each is a document:
    between two of them stands the tokenizer's token for the end of a text, if it has one. The ids
    are those of encoding each text whole. `tokenizer` is what `choose_tokenizer` takes; characters
    and words come from all texts, a BPE is learnt from at most `SAMPLE` characters spread evenly
    over those that are not named as held out. With `special`, special tokens that are spelt in the
    texts are read; else they are plain text. Raises `TextError` for a text that cannot be read,
    `ConfigError` for the settings, `WriteError` where `out` cannot hold the files; nothing is left
    of them then.
    """
    if not 0 < held_out < 1:
        raise ConfigError(f"--held-out must be above 0 and below 1, not {held_out}")
    if [*texts, *valid].count(STDIN) > 1:
        raise ConfigError("standard input can be read once: give - one time only")
    learns = wanted(tokenizer) is not None
    parts = {
        TRAIN: [TextSource(name) for name in texts],
        VALID: [TextSource(name) for name in valid],
    }
    sources = parts[TRAIN] + parts[VALID]
    there = os.path.exists(out)  # noqa: PTH110 (of what may not be looked at it says no)
    make_room(out, overwrite=overwrite)
    try:
        for name in (TRAIN, VALID, TOKENIZER, DATA):
            clear_unfinished(out / name)
        with ExitStack() as stack:
            if learns and any(source.name == STDIN for source in sources):
                kept = stack.enter_context(tempfile.TemporaryFile(dir=out))
                for source in sources:
                    source.keep(kept)
            # Characters and words must be known to spell what is held out; a BPE spells any text,
            # and what it is judged by must not have taught it.
            seen = sources if tokenizer in {"chars", "words"} else parts[TRAIN]
            pieces, learnt_from = _tokenizer(tokenizer, seen, watch, special=special)
            data = _write(parts, out, pieces, held_out=None if valid else held_out, watch=watch)
            known = data | {"learnt_from": learnt_from, "special": special}
            write_text(out / DATA, json.dumps(known, indent=1, ensure_ascii=False) + "\n")
            return Data(**known)
    except BaseException as error:
        if not there and not any(out.iterdir()):
            out.rmdir()
        if isinstance(error, OSError):
            raise WriteError(
                f"{out} must be where files can be written, with room for about 2 bytes a token, "
                f"and it is not ({error.strerror}): choose another"
            ) from None
        raise


def _tokenizer(
    choice: str, sources: Sequence[TextSource], watch: Watch, *, special: bool
) -> tuple[Tokenizer, dict[str, int] | None]:
    """The tokenizer, and of how many characters of all it was learnt if it is a BPE."""
    if wanted(choice) is None:
        return choose_tokenizer(choice, "", special=special), None
    cut = cut_for(choice, special=special)
    texts = (part for text in _texts(sources, "reading", watch) for part in chunks(text, cut))
    if choice in {"chars", "words"}:
        return choose_tokenizer(choice, texts, special=special), None
    sample, length = thinned(texts, SAMPLE)
    watch(f"learning {choice}", None, 0)
    learnt = choose_tokenizer(choice, sample, special=special)
    return learnt, {"characters": sum(map(len, sample)), "of": length}


def _texts(sources: Sequence[TextSource], what: str, watch: Watch) -> Iterator[Iterator[str]]:
    """Each source's text, watched."""
    sizes = [source.size for source in sources]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    for source in sources:
        yield source.texts(lambda count: watch(what, total, count))


def _write(
    parts: dict[str, list[TextSource]],
    out: Path,
    pieces: Tokenizer,
    *,
    held_out: float | None,
    watch: Watch,
) -> dict[str, Any]:
    """Write all files but `data.json`; returns what it says of them."""
    dtype, separator = dtype_for(pieces.vocab_size), ending(pieces)
    watched = _texts([source for part in parts.values() for source in part], "encoding", watch)
    files: dict[str, dict[str, Any]] = {}
    with whole_file(out / TRAIN) as train, whole_file(out / VALID) as valid:
        for name, beside in ((TRAIN, train), (VALID, valid)):
            with beside.open("wb") as file:
                for ids in _ids(islice(watched, len(parts[name])), pieces, separator):
                    file.write(ids.astype(dtype).tobytes())
        if held_out is not None:
            count = train.stat().st_size // dtype.itemsize
            _move_end(train, valid, dtype.itemsize * int(count * (1 - held_out)))
        for name, beside in ((TRAIN, train), (VALID, valid)):
            tokens = beside.stat().st_size // dtype.itemsize
            if not tokens:
                raise TextError(
                    f"there must be tokens to train on and others to validate, and {name} would "
                    "have none: take a longer text"
                )
            files[name] = {"tokens": tokens, "sha256": _hash(beside)}
        # From here on to the end of all, what there was before is no prepared directory any more.
        (out / DATA).unlink(missing_ok=True)
    pieces.save(out / TOKENIZER)
    files[TOKENIZER] = {"kind": pieces.kind, "sha256": _hash(out / TOKENIZER)}
    return {
        "version": VERSION,
        "vocab_size": pieces.vocab_size,
        "dtype": dtype.name,
        "separator": separator,
        "held_out": held_out,
        "sources": [
            {"name": source.name, "bytes": source.size, "sha256": source.sha256, "part": name}
            for name, part in parts.items()
            for source in part
        ],
        "files": files,
    }


def _ids(texts: Iterable[Iterable[str]], pieces: Tokenizer, separator: int | None) -> Iterator[Ids]:
    """The tokens of the texts, with the separator between two where it is not yet."""
    last = None
    for number, text in enumerate(texts):
        if number and separator is not None and last != separator:
            yield np.array([separator], np.uint32)
        for ids in encode_stream(pieces, text):
            yield ids
            last = ids[-1] if len(ids) else last


def _move_end(source: Path, target: Path, start: int) -> None:
    """Move the bytes from `start` on to another file."""
    with source.open("rb+") as file, target.open("wb") as end:
        file.seek(start)
        shutil.copyfileobj(file, end, READ)
        file.truncate(start)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
