"""A text to train on: read, tokenized, cut in two, and given out in batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pellucid.errors import TextError
from pellucid.text.tokenizer import Tokenizer

HELD_OUT = 0.1
"""The last part of the text that is never trained on."""


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file; raises `TextError` where it is missing, not UTF-8, or empty."""
    try:
        text = Path(path).read_text(encoding="utf-8")
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

    training: Tensor  # (N,)
    validation: Tensor  # (M,)
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
        windows = self.training[starts + torch.arange(self.block_size + 1)]  # (B, T + 1)
        return windows[:, :-1], windows[:, 1:]

    def validation_batches(
        self, size: int, at_most: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Tokens and targets (≤ B, T) of windows side by side that cover the validation part.

        With `at_most`, that many windows spread evenly over it. What is left at the end is
        shorter than a window and skipped.
        """
        count = (len(self.validation) - 1) // self.block_size
        tokens = self.validation[: count * self.block_size].view(count, -1)
        targets = self.validation[1 : count * self.block_size + 1].view(count, -1)
        if at_most is not None and at_most < count:
            spread = torch.linspace(0, count - 1, at_most).long()
            tokens, targets = tokens[spread], targets[spread]
        yield from zip(tokens.split(size), targets.split(size), strict=True)
