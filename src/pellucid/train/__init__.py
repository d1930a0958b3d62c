"""Training: the loop, and a run's directory, from which it resumes bit for bit.

train(model, corpus, recipe)      a `Progress` after every iteration
compiled_step(model, recipe)      one step after another on batches of your own
Recipe                            batch size, learning rate, and so on
TrainState                        all that it takes to resume after an iteration
"""

from pellucid.train.compiled import CompiledStep, compiled_step
from pellucid.train.descent import descend
from pellucid.train.loop import VALIDATION_WINDOWS, Batches, Progress, train
from pellucid.train.recipe import SEEDS, Recipe
from pellucid.train.record import (
    MOMENTS,
    Trace,
    check_update,
    part_of,
    record_batch,
    record_step,
    take_step,
    updated,
)
from pellucid.train.state import TrainState

__all__ = [
    "MOMENTS",
    "SEEDS",
    "VALIDATION_WINDOWS",
    "Batches",
    "CompiledStep",
    "Progress",
    "Recipe",
    "Trace",
    "TrainState",
    "check_update",
    "compiled_step",
    "descend",
    "part_of",
    "record_batch",
    "record_step",
    "take_step",
    "train",
    "updated",
]
