"""Decoding: what follows a run's text, token by token, on the keys and values that are kept.

The first step reads the whole prompt, and each later one the token that was chosen before it. A
choice is the likeliest token, or the one on which a random number falls (`pellucid.generate`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pellucid.errors import ConfigError
from pellucid.generate import Sampling, choose
from pellucid.layers import IGNORE, Past
from pellucid.models import CausalModel

IDS, LOGITS = "decode.ids", "decode.logits"
UNIFORM, SAMPLED = "sample.uniform", "sample.ids"

MEANINGS = {
    IDS: "the likeliest token after each step of decoding",
    LOGITS: "the logits of the last position at each step; the first are the prompt's",
    UNIFORM: "the random number of each step, from 0 to below 1",
    SAMPLED: "the token on which it falls",
}
"""What decoding leaves, and the caches: `decode.h.0.k` and `.v`, after the last step."""

SETTINGS = ("temperature", "top_k", "top_p")


@dataclass(frozen=True)
class Decoding:
    """How many tokens are decoded, and how they are sampled from which stream; 0 for none."""

    steps: int = 8
    sampling: Sampling = field(default_factory=lambda: Sampling(0.8, top_k=40, top_p=0.95))
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ConfigError(f"--decode must be at least 0 tokens, not {self.steps}")

    def fitted(self, prompt: Sequence[int], room: int) -> "Decoding":
        """As many steps as a model of so many positions has room for."""
        return Decoding(min(self.steps, room - len(prompt) + 1), self.sampling, self.seed)

    def uniform(self) -> Tensor:
        """The random numbers (N,), in float64."""
        generator = torch.Generator().manual_seed(self.seed)
        return torch.rand(self.steps, generator=generator, dtype=torch.float64)

    def to_dict(self) -> dict[str, Any]:
        """What the manifest has of it."""
        own = asdict(self.sampling)
        return {"steps": self.steps, "sampling": {key: own[key] for key in SETTINGS}}


def sampling_of(manifest: Mapping[str, Any]) -> Sampling:
    """How a manifest's text was sampled."""
    return Sampling(**manifest["decoding"]["sampling"])


def padded(texts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Tokens and targets of a text (T,), or of several, a batch (B, T) padded on the right.

    A position of padding reads token 0 and has no target, `IGNORE`; nothing that counts looks at
    it, since every position looks back only.

    >>> [ids.tolist() for ids in padded([[5, 6, 7], [8, 9]])]
    [[[5, 6], [8, 0]], [[6, 7], [9, -100]]]
    """
    if len(texts) == 1:
        return torch.tensor(texts[0][:-1]), torch.tensor(texts[0][1:])
    length = max(map(len, texts)) - 1
    tokens = [[*ids[:-1], *[0] * (length + 1 - len(ids))] for ids in texts]
    targets = [[*ids[1:], *[IGNORE] * (length + 1 - len(ids))] for ids in texts]
    return torch.tensor(tokens), torch.tensor(targets)


def prompt_of(tokens: Tensor, targets: Tensor) -> list[int]:
    """What is decoded after: the first text, without the padding at its end."""
    first, wanted = (
        tokens.reshape(-1, tokens.shape[-1])[0],
        targets.reshape(-1, tokens.shape[-1])[0],
    )
    counted = (wanted != IGNORE).nonzero()
    length = int(counted[-1]) + 1 if len(counted) else len(first)
    ids: list[int] = first[:length].tolist()
    return ids


class Decoded(NamedTuple):
    """What decoding makes: N tokens, the logits (N, V) they were chosen from, and the caches."""

    ids: list[int]
    logits: Tensor
    past: tuple[Past, ...]

    def tensors(self) -> dict[str, Tensor]:
        """The caches by their names, each (heads, positions, channels)."""
        return {
            f"decode.h.{layer}.{kind}": getattr(past, kind)
            for layer, past in enumerate(self.past)
            for kind in ("k", "v")
        }


def decode(
    model: CausalModel,
    prompt: Sequence[int],
    steps: int,
    choice: Callable[[int, Tensor], int] = lambda _, logits: int(logits.argmax()),
) -> Decoded:
    """Decode so many tokens; `choice` is given a step and its logits (V,)."""
    ids: list[int] = []
    rows: list[Tensor] = []
    read, past = list(prompt), None
    for number in range(steps):
        logits, past = model.extend(read, past, last=1)
        rows.append(logits[-1])
        ids.append(choice(number, logits[-1]))
        read = ids[-1:]
    return Decoded(ids, torch.stack(rows), past or ())


def sample(model: CausalModel, prompt: Sequence[int], decoding: Decoding) -> Decoded:
    """Decode by the stream of random numbers."""
    stream = decoding.uniform().tolist()

    def fallen_on(number: int, logits: Tensor) -> int:
        return choose(logits, decoding.sampling, stream[number]).token

    return decode(model, prompt, decoding.steps, fallen_on)


class DecodedIds(NamedTuple):
    """What the finest dtype has decoded; the others go on from the same tokens."""

    likeliest: list[int]
    sampled: list[int]


def add_decoding(
    add: Callable[..., None],
    model: CausalModel,
    prompt: list[int],
    decoding: Decoding,
    ids: DecodedIds | None,
) -> DecodedIds:
    """Decode after the prompt, and `add` what comes of it, each tensor with its name."""
    if ids is None:
        found = decode(model, prompt, decoding.steps)
        ids = DecodedIds(found.ids, sample(model, prompt, decoding).ids)
    else:
        found = decode(model, prompt, decoding.steps, lambda number, _: ids.likeliest[number])
    own: dict[str, Tensor] = {
        IDS: torch.tensor(ids.likeliest),
        LOGITS: found.logits,
        UNIFORM: decoding.uniform(),
        SAMPLED: torch.tensor(ids.sampled),
    }
    for name, values in own.items():
        part = "given" if name == UNIFORM else "forward"
        add(name, values, part=part, meaning=MEANINGS[name])
    for name, values in found.tensors().items():
        add(name, values, part="forward", meaning="what is kept after the last step")
    return ids
