"""Search: the likeliest target for a source, or text after a prompt, by a beam.

The encoder-decoder reads the source once and begins its target with <BOS>. The GPT reads the source
and <SEP> as a prompt, and continues from there. Both end with <EOS>.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.errors import TokenError
from pellucid.generate.beam import Advance, Hypothesis, beam_search
from pellucid.kernels import FAST, fastest
from pellucid.layers import Past
from pellucid.models import GPT, Transformer
from pellucid.text.choose import ending
from pellucid.text.parallel import BOS, EOS
from pellucid.text.parallel_rows import Form, source_ids, special
from pellucid.text.tokenizer import Tokenizer

NO_END = -1
"""In the place of a token that ends a text, where the tokenizer has none."""

TOGETHER = 64
"""Texts of one length are translated so many at a time."""


SURE = 0.7
"""A translation whose `confidence` is less is one of a text such as the model has not met."""


class Translation(NamedTuple):
    """A target text, and all that the beam found, best first."""

    text: str
    hypotheses: tuple[Hypothesis, ...]

    @property
    def confidence(self) -> float:
        """exp(log_prob / tokens) of the best: the geometric mean of its tokens' probabilities.

        The token that ends it counts too.
        """
        best = self.hypotheses[0]
        return math.exp(best.log_prob / (len(best.tokens) + 1))

    @property
    def unsure(self) -> bool:
        """Whether the model gives its own translation too little to be relied on."""
        return self.confidence < SURE


def form_of(model: GPT | Transformer) -> Form:
    """How pairs are written for this kind of model."""
    return "transformer" if isinstance(model, Transformer) else "gpt"


def translate(
    model: GPT | Transformer,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    width: int = 4,
    alpha: float = 1.0,
    max_new_tokens: int = 256,
    early: bool = True,
    to: str | None = None,
    watch: Callable[[int, int], None] = lambda *_: None,
) -> list[Translation]:
    """The likeliest target of each text, by a beam of this width with length penalty `alpha`.

    `early` says when the beam is done (`beam_search`). A model of both directions translates `to` a
    language. Texts of one length are translated together; `watch` is told how many of how many are
    done.

    Raises `TokenError` for a text that is empty or longer than the model's positions, and
    `TextError` for a language that the model does not write.
    """
    sources = [source_ids(tokenizer, text, form_of(model), to=to) for text in texts]
    for text, source in zip(texts, sources, strict=True):
        _check_source(model, text, source)
    found: dict[int, list[Hypothesis]] = {}
    for places in _alike(sources):
        batch = torch.tensor([sources[place] for place in places], device=model.device)
        if isinstance(model, Transformer):
            logits, advance = _by_transformer(model, batch, tokenizer)
            room = model.config.block_size
        else:
            logits, advance = _by_gpt(model, batch, tokenizer)
            room = model.config.block_size - batch.shape[-1] + 1
        texts_found = beam_search(
            logits,
            advance,
            width=width,
            alpha=alpha,
            end=special(tokenizer, EOS),
            max_new_tokens=min(max_new_tokens, room),
            early=early,
        )
        found.update(zip(places, texts_found, strict=True))
        watch(len(found), len(texts))
    return [
        Translation(tokenizer.decode(found[place][0].tokens).strip(), tuple(found[place]))
        for place in range(len(texts))
    ]


def fits(
    model: GPT | Transformer, tokenizer: Tokenizer, text: str, *, to: str | None = None
) -> bool:
    """Whether a text has words, and no more tokens than the model has positions."""
    source = source_ids(tokenizer, text, form_of(model), to=to)
    return bool(text.strip()) and len(source) <= model.config.block_size


def go_on(
    model: GPT,
    tokenizer: Tokenizer,
    tokens: Sequence[int],
    *,
    width: int,
    alpha: float,
    max_new_tokens: int,
    early: bool = True,
) -> list[Hypothesis]:
    """The most likely continuations of `tokens`, best first, found by a beam of this width.

    They end where the tokenizer has a token for it, or with `max_new_tokens`, or with the model's
    positions; `early` says when the beam is done (`beam_search`). Raises `TokenError` for a prompt
    that is empty or leaves no position.
    """
    room = model.config.block_size - len(tokens) + 1
    if not tokens or room < 1:
        raise TokenError(
            f"a prompt must have from 1 to {model.config.block_size} tokens, and it has "
            f"{len(tokens)}: {'shorten it' if tokens else 'write at least one'}"
        )
    logits, advance = _by_gpt(model, torch.tensor([list(tokens)], device=model.device), tokenizer)
    end = ending(tokenizer)
    (found,) = beam_search(
        logits,
        advance,
        width=width,
        alpha=alpha,
        end=NO_END if end is None else end,
        max_new_tokens=min(max_new_tokens, room),
        early=early,
    )
    return found


def _check_source(model: GPT | Transformer, text: str, source: Sequence[int]) -> None:
    if not text.strip():
        raise TokenError("a text to translate must have at least one word, and it is empty")
    if len(source) > model.config.block_size:
        raise TokenError(
            f"a text to translate must have at most {model.config.block_size - 1} tokens, and "
            f"{text[:20]!r}… has {len(source) - 1}: cut it into sentences"
        )


def _alike(sources: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The places of sources of equal length, so that no batch needs padding."""
    by_length: dict[int, list[int]] = {}
    for place, source in enumerate(sources):
        by_length.setdefault(len(source), []).append(place)
    for places in by_length.values():
        for start in range(0, len(places), TOGETHER):
            yield places[start : start + TOGETHER]


def _by_transformer(
    model: Transformer, sources: Tensor, tokenizer: Tokenizer
) -> tuple[Tensor, Advance]:
    first = torch.full((len(sources), 1), special(tokenizer, BOS), device=sources.device)
    logits, past = model.extend(first, None, source=sources, ops=FAST)

    def advance(tokens: Tensor, rows: Tensor) -> Tensor:
        nonlocal past
        logits, past = model.extend(tokens[:, None], past.select(rows), ops=FAST)
        return logits[:, -1, : tokenizer.vocab_size]

    return logits[:, -1, : tokenizer.vocab_size], advance


def _by_gpt(model: GPT, prompts: Tensor, tokenizer: Tokenizer) -> tuple[Tensor, Advance]:
    ops = fastest(model.params)
    logits, past = model.extend(prompts, None, ops=ops, last=1)

    def advance(tokens: Tensor, rows: Tensor) -> Tensor:
        nonlocal past
        chosen = [Past(layer.k[rows], layer.v[rows]) for layer in past]
        logits, past = model.extend(tokens[:, None], chosen, ops=ops)
        return logits[:, -1, : tokenizer.vocab_size]

    return logits[:, -1, : tokenizer.vocab_size], advance
