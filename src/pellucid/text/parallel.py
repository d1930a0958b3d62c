"""Pairs of texts, such as sentences and their translations: one a line, with a tab between."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from pellucid.errors import TextError
from pellucid.text.bpe import BPE, END_OF_TEXT, train_bpe

PAD, BOS, SEP, EOS = "<PAD>", "<BOS>", "<SEP>", END_OF_TEXT
"""What fills a shorter row of a batch, begins a target, stands between two texts, and ends one."""

SYNTHETIC = "<SYNTHETIC>"
"""Stands before a source that a model wrote, so that those that people wrote can be told apart."""

SPECIALS = (PAD, BOS, SEP)
"""The special tokens that a tokenizer of pairs has besides the end's."""


def tag(language: str) -> str:
    """The token before a source that says into which language it is to be translated.

    >>> tag("en")
    '<TO-en>'
    """
    return f"<TO-{language}>"


class ParallelText(NamedTuple):
    """A text and what is to be written for it."""

    source: str
    target: str


SEPARATORS = "\t;|,"
"""What stands between the cells of a line in most files."""


def other_separator(line: str, separator: str) -> str | None:
    """What seems to stand between the cells of a line that does not have the separator."""
    return next((other for other in SEPARATORS if other in line and other != separator), None)


def shown(separator: str) -> str:
    """A separator as it is written after --separator."""
    return "tab" if separator == "\t" else f"'{separator}'"


def read_parallel(path: str | Path, separator: str = "\t") -> list[ParallelText]:
    """The pairs of a UTF-8 file, `source TAB target` a line; a name that ends in .gz is unpacked.

    In the tab's place may stand another `separator`.

    Raises `TextError`, with the line's number, where a line does not have two texts, and for a
    file that is missing, not UTF-8, or without any pair. Empty lines are skipped.
    """
    lines = _lines(Path(path))
    pairs = [_pair(line, number, path, separator) for number, line in lines if line.strip()]
    if not pairs:
        raise TextError(f"a file of pairs must have at least one line, and {path} is empty")
    return pairs


def phrasebook() -> Path:
    """A beginner's German-English phrasebook of Pellucid's own, as a file of pairs."""
    return Path(str(files(__package__).joinpath("phrasebook.tsv")))


def _pair(line: str, number: int, path: str | Path, separator: str) -> ParallelText:
    texts = [text.strip() for text in line.split(separator)]
    if len(texts) != 2 or not all(texts):
        came = f"{len(texts)} texts" if len(texts) != 2 else "an empty one"
        raise TextError(
            f"a line of pairs must be two texts with {separator!r} between, and line {number} of "
            f"{path} has {came}: "
            + (
                f"add --separator {shown(other)} if that is what stands between"
                if len(texts) == 1 and (other := other_separator(line, separator))
                else "correct or remove it"
            )
        )
    return ParallelText(*texts)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines and their numbers, counted from 1."""
    number = 0
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                yield number, text.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise TextError(
            f"a file of pairs must be UTF-8, and line {number} of {path} is not: convert it first, "
            "for instance by iconv -t utf-8"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TextError(
            f"a file of pairs must be one that can be read, and {path} gave: {reason}"
        ) from None


def train_parallel_bpe(
    pairs: Sequence[ParallelText],
    vocab_size: int,
    *,
    into: Sequence[str] = (),
    synthetic: bool = False,
) -> BPE:
    """A BPE that both sides of the pairs share, with the special tokens that pairs need.

    Each text is read after a space, as `parallel_rows.text_ids` does. For a model that translates
    `into` several languages each has its tag, and sources that are `synthetic` have one.
    """
    texts = (f" {text}" for pair in pairs for text in pair)
    marks = (*SPECIALS, *map(tag, into), *([SYNTHETIC] if synthetic else []))
    return train_bpe(texts, vocab_size, special_tokens=marks)
