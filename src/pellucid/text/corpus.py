"""A text to train on: read, tokenized, cut in two, and given out in batches.

Or the files of tokens that were made of a larger one (`prepare`), of which windows are read.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import ConfigError, TextError
from pellucid.text.choose import choose_tokenizer
from pellucid.text.prepare import HELD_OUT
from pellucid.text.prepared import read_prepared
from pellucid.text.token_files import TokenFiles
from pellucid.text.tokenizer import Tokenizer, same_pieces

BYTE_ORDER_MARK = "\N{BYTE ORDER MARK}"
"""What some editors and spreadsheets put in front of a text, which it is no part of."""

PIECE, PIECES = 1 << 16, 256
"""A fingerprint looks at so many tokens in so many places: at all of them, up to 16 million."""


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file; raises `TextError` where it is missing, not UTF-8, or empty."""
    try:
        text = Path(path).read_text(encoding="utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise TextError(
            f"a text must be UTF-8, and {path} is not at byte {error.start}: convert it first, "
            "for instance by iconv -t utf-8"
        ) from None
    except OSError as error:
        raise TextError(
            f"a text must be a file that can be read, and {path} gave: {error.strerror}"
        ) from None
    if not text:
        raise TextError(f"a text must have at least one character, and {path} is empty")
    return text


@dataclass(frozen=True)
class Corpus:
    """Token ids for training and, from the end of the same text, for validation.

    Raises `TextError` where either part is too short for one window of `block_size` + 1 tokens.
    """

    training: Tensor | TokenFiles  # (N,)
    validation: Tensor | TokenFiles  # (M,)
    block_size: int  # T

    def __post_init__(self) -> None:
        for name, part in (("training", self.training), ("validation", self.validation)):
            if len(part) <= self.block_size:
                raise TextError(
                    f"the {name} part of a text must be longer than the block, and it has "
                    f"{len(part)} tokens for a block of {self.block_size}: take a longer text or a "
                    "smaller --block-size"
                )

    @classmethod
    def from_text(cls, text: str, tokenizer: Tokenizer, block_size: int) -> "Corpus":
        """Encode all of the text, and hold out the last tenth of its tokens for validation."""
        ids = torch.tensor(tokenizer.encode(text), dtype=torch.int64)
        cut = int(len(ids) * (1 - HELD_OUT))
        return cls(ids[:cut], ids[cut:], block_size)

    def batch(
        self,
        size: int,
        generator: torch.Generator,
        *,
        done: float = 0.0,  # noqa: ARG002 (a text is drawn from alike all through a training)
    ) -> tuple[Tensor, Tensor]:
        """Tokens and targets (B, T) of windows drawn at random from the training part."""
        starts = torch.randint(
            len(self.training) - self.block_size, (size, 1), generator=generator
        )  # (B, 1)
        return self._windows(self.training, starts)

    def validation_batches(
        self, size: int, at_most: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Tokens and targets (≤ B, T) of windows side by side that cover the validation part.

        With `at_most`, that many windows spread evenly over it. What is left at the end is
        shorter than a window and skipped.
        """
        count = (len(self.validation) - 1) // self.block_size
        # In float64, since float32 counts no further than 16 million windows.
        spread = (
            torch.linspace(0, count - 1, at_most, dtype=torch.float64).long()
            if at_most is not None and at_most < count
            else torch.arange(count)
        )
        for places in spread.split(size):
            yield self._windows(self.validation, places.unsqueeze(-1) * self.block_size)

    def fingerprint(self) -> str:
        """A hash by which a run knows its data again: of both parts, or of pieces all over them."""
        found = hashlib.sha256(repr((len(self.training), len(self.validation))).encode())
        for part in (self.training, self.validation):
            places = np.linspace(0, max(0, len(part) - PIECE), PIECES).astype(int)
            for start in sorted(set(places.tolist())):
                piece = self._read(part, start, min(len(part), start + PIECE))
                found.update(piece.numpy().astype("<i8").tobytes())
        return found.hexdigest()

    @staticmethod
    def _read(part: Tensor | TokenFiles, start: int, stop: int) -> Tensor:
        if isinstance(part, TokenFiles):
            return torch.from_numpy(part.read(start, stop))
        return part[start:stop]

    def _windows(self, part: Tensor | TokenFiles, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and targets (B, T) from each of the places (B, 1) on."""
        if isinstance(part, TokenFiles):
            read = part.windows(starts.flatten().tolist(), self.block_size + 1)
            windows = torch.from_numpy(read)  # (B, T + 1)
        else:
            windows = part[starts + torch.arange(self.block_size + 1)]  # (B, T + 1)
        return windows[:, :-1], windows[:, 1:]


def open_corpus(
    path: str | Path, tokenizer_choice: str | None, block_size: int, *, special: bool = False
) -> tuple[Corpus, Tokenizer]:
    """What is to be trained on, and its tokenizer: of a text, or of a directory of tokens.

    A text is read whole, and encoded by the tokenizer of that choice (`choose_tokenizer`), by
    default by characters; with `special`, special tokens that are spelt in it are read. Of a
    directory (`read_prepared`) only the windows asked for are read; it has a tokenizer of its own,
    or else the choice names one, by default GPT-2's.
    """
    if Path(path).is_dir():
        if special:
            raise ConfigError(
                f"the tokens in {path} are made, and special tokens were read then or not: leave "
                "out --special, or prepare the texts again with it"
            )
        prepared = read_prepared(path, tokenizer_choice)
        return Corpus(prepared.training, prepared.validation, block_size), prepared.tokenizer
    text = read_text(path)
    tokenizer = choose_tokenizer(tokenizer_choice or "chars", text, special=special)
    return Corpus.from_text(text, tokenizer, block_size), tokenizer


def corpus_for(path: str | Path, tokenizer: Tokenizer, block_size: int) -> Corpus:
    """What a model with a tokenizer of its own is to go on training on.

    Raises `TextError` where a directory of tokens was made by another tokenizer.
    """
    if not Path(path).is_dir():
        return Corpus.from_text(read_text(path), tokenizer, block_size)
    prepared = read_prepared(path)
    if not same_pieces(prepared.tokenizer, tokenizer):
        raise TextError(
            f"the tokens in {path} must be those of the model's tokenizer, and another made them: "
            "prepare the text with --tokenizer and the model's tokenizer.json"
        )
    return Corpus(prepared.training, prepared.validation, block_size)
