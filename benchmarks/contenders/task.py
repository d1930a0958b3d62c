"""A task: what is measured, with which peer; and what is fed to all of them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

GPT2, SMOLLM2, LLAMA = "gpt2-124M", "smollm2-135m", "llama-30M"
"""GPT-2's size with random weights; a trained model from its GGUF file; a Llama to be trained."""
MODELS = (GPT2, SMOLLM2, LLAMA)
TOLERANCE = {
    "float32": 1e-3,
    "bfloat16": 0.03,
    "int8": 0.08,
    "int4": 0.35,
    "Q8_0": 0.35,
    "Q4_1": 0.35,
}
"""By precision: how far from the reference a contender's numbers may be, see `distance`."""


class Shape(NamedTuple):
    """Texts at once, the tokens of each, and how many are made after them."""

    batch: int
    length: int
    new: int = 0


WORKS = {
    "train": Shape(4, 256),
    "prefill": Shape(1, 512),
    "decode": Shape(1, 64, 128),
    "batch": Shape(16, 64, 128),
}
"""A training step; a prompt's last logits; greedy decoding; greedy decoding of 16 texts at once."""


@dataclass(frozen=True)
class Task:
    """One contender's work."""

    model: str
    work: str
    precision: str
    peer: str
    variant: str
    threads: int
    folder: str
    layers: int | None = None
    """Fewer of them than the model has, for a quick try."""
    nanogpt: str | None = None

    @property
    def shape(self) -> Shape:
        """The sizes of the work."""
        return WORKS[self.work]

    @property
    def label(self) -> str:
        """How the contender is called in tables."""
        return f"{self.peer} {self.variant}".strip()

    @property
    def common(self) -> Path:
        """The directory with the weights, which are everybody's, and with the texts.

        They are as transformers reads them; those of `SMOLLM2` are `gguf`.
        """
        return Path(self.folder) / named(self.model, self.layers)

    @property
    def gguf(self) -> Path:
        """The file that llama.cpp reads: of `SMOLLM2` everybody reads it."""
        return self.file(f"{self.precision}.gguf")

    def file(self, name: str) -> Path:
        """A file or directory that a peer keeps for these weights."""
        return Path(self.folder) / f"{named(self.model, self.layers)}-{name}"

    def fed(self) -> dict[str, Any]:
        """The `texts` (B, T) of the work, what the reference makes of them, and its tokens.

        In training, a text has one token more than its context. `numbers` are what a contender's
        `check` is held to; `greedy` are the tokens that follow the first text, of a trained model.
        """
        found: dict[str, Any] = json.loads((self.common / f"{self.work}.json").read_text())
        return found

    def texts(self) -> list[list[int]]:
        """The tokens (B, T)."""
        texts: list[list[int]] = self.fed()["texts"]
        return texts

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON takes them."""
        return asdict(self)


def named(model: str, layers: int | None) -> str:
    """A model's name, with that of the quick try that it is."""
    return model if layers is None else f"{model}-{layers}"


class Contender(Protocol):
    """A loaded model that can be measured again and again."""

    def check(self) -> list[float]:
        """The last logits of the prompt, or in training the losses of the first steps."""
        ...

    def measure(self) -> dict[str, Any]:
        """Do the work once: its `seconds`, those of a prompt before it as `prompt`, and the tokens.

        `tokens` are those that were made after the first text; not every contender tells them.
        """
        ...


def agreeing(found: list[int], wanted: list[int]) -> int:
    """How many tokens are the same before the first that is not."""
    pairs = enumerate(zip(found, wanted, strict=False))
    return next((i for i, (one, other) in pairs if one != other), min(len(found), len(wanted)))


def distance(found: list[float], reference: list[float]) -> float:
    """How far logits or losses are from the reference's.

    √(mean of squared differences) over the reference's own deviation for logits, which are many;
    for losses, a few numbers that all lie close together, the largest relative difference.
    """
    pairs = list(zip(found, reference, strict=True))
    if len(pairs) < 100:
        return max(abs(one - other) / abs(other) for one, other in pairs)
    mean = sum(reference) / len(reference)
    spread = sum((other - mean) ** 2 for other in reference)
    return float((sum((one - other) ** 2 for one, other in pairs) / spread) ** 0.5)
