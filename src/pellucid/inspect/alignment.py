"""Alignment: which token of the source each token of the target looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.models import GPT, Transformer
from pellucid.tape import Tape, check_finite
from pellucid.text.parallel import BOS, EOS
from pellucid.text.parallel_rows import source_ids, special
from pellucid.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Alignment:
    """How much each target token looked at each source token when it was predicted.

    `weights` (L, H, T, S) are attention probabilities, by layer and head: of the encoder-decoder
    those of cross-attention; of a GPT those from the target back to the source, which sum to less
    than 1 because it looks at the target too.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: Tensor

    @property
    def mean(self) -> Tensor:
        """(T, S): the mean over all heads of all layers."""
        return self.weights.mean((0, 1))


def align(
    model: GPT | Transformer,
    tokenizer: Tokenizer,
    text: str,
    target: Sequence[int],
    *,
    to: str | None = None,
) -> Alignment:
    """Run the model once over source and target, and read the attention off the tape.

    A model of both directions has translated `to` a language.

    The last row is the end's, where the target leaves a position to look from.

    Raises `TraceError` where it is NaN.
    """
    tape, room = Tape(), model.config.block_size
    if isinstance(model, Transformer):
        source = source_ids(tokenizer, text, "transformer", to=to)
        read = [special(tokenizer, BOS), *target][:room]
        model.forward(source, read, tape)
        names = [f"dec.h.{layer}.cross.att" for layer in range(model.config.n_decoder)]
        check_finite(tape, "attention", names)
        tables = [tape.value(name) for name in names]
    else:
        source = source_ids(tokenizer, text, "gpt", to=to)
        read = [source[-1], *target][: room + 1 - len(source)]
        model.forward([*source[:-1], *read], tape)
        # The token at <SEP> predicts the target's first.
        rows, columns = slice(len(source) - 1, None), slice(0, len(source))
        names = [f"h.{layer}.attn.att" for layer in range(model.config.n_layer)]
        check_finite(tape, "attention", names)
        tables = [tape.value(name)[:, rows, columns] for name in names]
    wanted = [*target, special(tokenizer, EOS)][: len(read)]
    return Alignment(
        tuple(_piece(tokenizer, token) for token in source),
        tuple(_piece(tokenizer, token) for token in wanted),
        torch.stack(tables),
    )


def _piece(tokenizer: Tokenizer, token: int) -> str:
    if token == special(tokenizer, EOS):
        return "<EOS>"
    return tokenizer.piece(token).decode("utf-8", errors="replace")
