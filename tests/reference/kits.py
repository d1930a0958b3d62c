"""Packs with the C kit, of small models whose every number is told apart."""

from pathlib import Path

import torch

from pellucid.models import CausalModel
from pellucid.reference import ReferenceRun, write_pack
from tests.models.llama_examples import LLAMAS, drawn
from tests.port.models import model_of, small

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}


def gpt() -> CausalModel:
    return model_of(small()[0], torch.float32)


def llama(kind: str = "shared keys") -> CausalModel:
    return drawn(LLAMAS[kind]).to(dtype=torch.float32)


def run_of(model: CausalModel, *, batched: bool = False, steps: int = 2) -> ReferenceRun:
    _, tokens, targets = small()
    x, y = torch.tensor(tokens) % model.config.vocab_size, torch.tensor(targets)
    y %= model.config.vocab_size
    if batched:
        x, y = torch.stack([x, y]), torch.stack([y, torch.full_like(y, -100)])
    return ReferenceRun(model, "", x, y, UPDATE, steps)


def kit_of(run: ReferenceRun, place: Path) -> Path:
    """A pack in that place, in float32, with the kit."""
    write_pack(run, place, dtypes=[torch.float32], to_c=True)
    return place
