"""Writing on with any model that writes: what comes after its inputs, drawn token by token."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from pellucid.errors import ConfigError
from pellucid.generate.sampling import Draw, Sampling, draw, generate
from pellucid.models import CausalModel
from pellucid.text import Tokenizer


def write_on(
    model: Any,
    tokenizer: Tokenizer | None,
    inputs: Sequence[Any],
    *,
    max_new_tokens: int,
    sampling: Sampling,
    generator: torch.Generator,
) -> Iterator[Draw]:
    """Go on from a model's inputs, one draw at a time, until the text ends.

    A model that looks back only goes on as in `generate`; any other reads all of it again for each
    token. Raises `ConfigError` for a model that names classes.
    """
    if not model.writes:
        raise ConfigError("this model names the class of what it reads, and writes nothing")
    size = None if tokenizer is None else tokenizer.vocab_size
    if isinstance(model, CausalModel):
        return generate(
            model,
            inputs[0],
            max_new_tokens=max_new_tokens,
            sampling=sampling,
            generator=generator,
            vocab_size=size,
        )

    def draws() -> Iterator[Draw]:
        read: Any = tuple(inputs)
        for _ in range(max_new_tokens):
            logits = model.forward(*read)[-1]
            choice = draw(logits[:size].clone(), sampling, generator)
            yield choice
            read = model.go_on(tokenizer, read, choice.token)
            if read is None:
                return

    return draws()
