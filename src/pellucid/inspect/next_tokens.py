"""What a model takes to come after a text: its likeliest next tokens."""

from collections.abc import Sequence
from typing import NamedTuple

from pellucid.models import LanguageModel


class LikelyToken(NamedTuple):
    """A token that may come next, and how likely it is."""

    token: int
    probability: float


def next_tokens(
    model: LanguageModel, tokens: Sequence[int], count: int = 5
) -> tuple[LikelyToken, ...]:
    """The `count` likeliest tokens after `tokens`, the likeliest first: softmax(last logits).

    Raises `TokenError` for no tokens, or more of them than the model has positions.
    """
    logits = model.forward(list(tokens))[-1]
    top = logits.double().softmax(-1).topk(min(count, model.config.vocab_size))
    return tuple(map(LikelyToken, top.indices.tolist(), top.values.tolist()))
