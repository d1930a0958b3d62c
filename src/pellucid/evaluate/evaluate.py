"""Evaluation: how well a model predicts what it was not trained on."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import ConfigError, TextError
from pellucid.kernels import FAST, fastest
from pellucid.layers import IGNORE, cross_entropy
from pellucid.models import GPT
from pellucid.tape import Tape
from pellucid.text import Tokenizer, ending

LOGITS_AT_ONCE = 1 << 23
"""Windows are taken together up to so many logits: 32 MiB in float32."""


def mean_loss(
    model: Any, batches: Iterable[tuple[Tensor, ...]], *, smoothing: float = 0.0
) -> float:
    """The mean cross-entropy in nats a token over all batches, whose last tensor is the targets.

    Every position that has a target counts the same, whatever batch it is in. `smoothing` is label
    smoothing, of a model that is trained with it.
    """
    how = {"smoothing": smoothing} if smoothing else {}
    total, count = 0.0, 0
    for batch in batches:
        here = [part.to(model.device) for part in batch]
        counted = int((here[-1] != IGNORE).sum())
        total += float(model.loss(*here, ops=FAST, **how)) * counted
        count += counted
    return total / count


@dataclass(frozen=True)
class Evaluation:
    """A text's tokens and the loss of each that was predicted, in nats.

    `begin` is the token that was put in front of the text; without one the first token has nothing
    before it, and is not scored. `sizes` are the bytes that the tokens spell, one by one.
    """

    tokens: tuple[int, ...]  # N of them, all the text's
    sizes: tuple[int, ...]  # N
    losses: Tensor  # (N,) or, without `begin`, (N - 1,), float64: of the last so many tokens
    begin: int | None
    window: int
    stride: int
    exact: bool  # whether the tokens spell the text again, byte for byte

    @property
    def skipped(self) -> int:
        """How many tokens at the beginning are not scored."""
        return len(self.tokens) - len(self.losses)

    @cached_property
    def total(self) -> float:
        """Nats, of all tokens that are scored."""
        return float(self.losses.sum())

    @property
    def loss(self) -> float:
        """Nats a token."""
        return self.total / len(self.losses)

    @property
    def perplexity(self) -> float:
        """exp(loss): among so many equally likely tokens it would be as hard to choose."""
        return math.exp(self.loss) if self.loss < 700 else math.inf

    @property
    def scored_bytes(self) -> int:
        """Bytes that the tokens spell which are scored."""
        return sum(self.sizes[self.skipped :])

    @property
    def bits_per_byte(self) -> float:
        """The total in bits by the bytes scored: comparable from one tokenizer to another."""
        return self.total / math.log(2) / self.scored_bytes


def evaluate_text(
    model: GPT,
    tokenizer: Tokenizer,
    text: str,
    *,
    window: int | None = None,
    stride: int | None = None,
    begin: bool = True,
    watch: Callable[[int, int], None] = lambda *_: None,
) -> Evaluation:
    """The loss of every token of a text, from at least window - stride tokens before it.

    By default the window is the model's context and the stride half of it. With `begin`, the
    tokenizer's token for the end of a text is put in front, where it has one, as it stands before
    each document in training: so the first token is predicted too. `watch` is told how many of how
    many tokens are scored. Raises `TextError` for a text without a token to score, `ConfigError`
    for the settings.
    """
    width = model.config.block_size if window is None else window
    step = max(1, width // 2) if stride is None else stride
    if not 1 <= width <= model.config.block_size:
        raise ConfigError(
            f"--window must be from 1 to the model's {model.config.block_size} positions, not "
            f"{width}"
        )
    if not 1 <= step <= width:
        raise ConfigError(f"--stride must be from 1 to the window's {width} tokens, not {step}")
    tokens = tokenizer.encode(text)
    front = next(iter(tokenizer.beginning), ending(tokenizer) if begin else None)
    ids = tokens if front is None else [front, *tokens]
    if len(ids) < 2:
        raise TextError(
            "a text must have a token with another before it, and this one has "
            f"{len(tokens)} in all: take a longer text"
        )
    losses = token_losses(model, ids, window=width, stride=step, watch=watch)
    sizes = [
        len(tokenizer.bytes_after(previous, token))
        for previous, token in zip([None, *tokens], tokens, strict=False)
    ]
    exact = tokenizer.decode(tokens) == text
    return Evaluation(tuple(tokens), tuple(sizes), losses, front, width, step, exact)


def token_losses(
    model: GPT,
    tokens: Sequence[int],
    *,
    window: int,
    stride: int,
    watch: Callable[[int, int], None] = lambda *_: None,
) -> Tensor:
    """-log p of each of the N tokens but the first, in nats: (N - 1,), float64.

    Windows of `window` tokens begin every `stride` tokens, and each scores the tokens that none
    before it did: the first all of its own, the others `stride`. So each token is scored once, and
    once N is larger than the window, from window - stride + 1 to window tokens before it. Raises
    `ConfigError` where a loss is not a number.
    """
    ids = torch.tensor(tokens)
    count = len(ids) - 1
    ops = fastest(model.params)
    together = max(1, LOGITS_AT_ONCE // (window * model.config.vocab_size))
    losses = []
    done = 0
    for starts, length, scored in _windows(count, window, stride, together):
        places = torch.tensor(starts).unsqueeze(-1) + torch.arange(length)  # (B, T)
        logits = model.forward(ids[places].to(model.device), ops=ops)[:, length - scored :]
        targets = ids[places + 1][:, length - scored :].to(model.device)  # (B, scored)
        losses.append(_losses(logits, targets).flatten())
        done += len(losses[-1])
        watch(done, count)
    found = torch.cat(losses)
    if bool(found.isnan().any()):
        raise ConfigError("losses must be numbers, and the model's are NaN: are its weights whole?")
    return found


def _windows(
    count: int, window: int, stride: int, together: int
) -> Iterator[tuple[Sequence[int], int, int]]:
    """Windows of one length side by side: where they begin, their length, how many each scores."""
    first = min(window, count)
    yield [0], first, first
    full = range(stride, count - window + 1, stride)
    for start in range(0, len(full), together):
        yield full[start : start + together], window, stride
    begin, scored = stride * (len(full) + 1), first + stride * len(full)
    if scored < count:
        yield [begin], count - begin, count - scored


def _losses(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of each target (B, T), as the layer has it: what it shows a tape."""
    rows = max(1, LOGITS_AT_ONCE // logits.shape[-1])
    found = []
    for some, wanted in zip(
        logits.flatten(0, 1).split(rows), targets.flatten().split(rows), strict=True
    ):
        tape = Tape()
        cross_entropy(some, wanted, tape=tape)
        found.append(tape.value("losses").double().cpu())
    return torch.cat(found).view(targets.shape)
