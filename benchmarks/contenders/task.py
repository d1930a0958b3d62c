"""A task: what is measured, with which peer; and what is fed to all of them."""

import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

VOCABULARY = 50257
CONTEXT = 1024
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.03, "int8": 0.08, "int4": 0.35}
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

    work: str
    precision: str
    peer: str
    variant: str
    threads: int
    layers: int
    folder: str
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
        """The directory with the weights as transformers reads them, which are everybody's."""
        return Path(self.folder) / f"gpt2-{self.layers}"

    def file(self, name: str) -> Path:
        """A file or directory that a peer keeps for these weights."""
        return Path(self.folder) / f"gpt2-{self.layers}-{name}"

    def texts(self) -> list[list[int]]:
        """The tokens (B, T): in training, one more than the context of each."""
        return draw(self.shape.batch, self.shape.length + (self.work == "train"))

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON takes them."""
        return asdict(self)


class Contender(Protocol):
    """A loaded model that can be measured again and again."""

    def check(self) -> list[float]:
        """The last logits of the prompt, or in training the losses of the first steps."""
        ...

    def measure(self) -> dict[str, float]:
        """Do the work once: its `seconds`, and those of a prompt before it as `prompt`."""
        ...


def draw(batch: int, length: int) -> list[list[int]]:
    """Made-up texts: the same in every process."""
    numbers = random.Random(batch * 10_000 + length)
    return [[numbers.randrange(VOCABULARY - 1) for _ in range(length)] for _ in range(batch)]


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
