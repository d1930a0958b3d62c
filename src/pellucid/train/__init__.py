"""Training: the loop, and a run's directory, from which it goes on bit for bit.

train(model, corpus, recipe)      a `Progress` after every iteration
compiled_step(model, recipe)      one step after another on batches of your own
Recipe                            batch size, learning rate, and so on
Point                             all that it takes to go on from an iteration
"""

from pellucid.train.compiled import CompiledStep, compiled_step
from pellucid.train.loop import VALIDATION_WINDOWS, Batches, Progress, train
from pellucid.train.point import Point
from pellucid.train.recipe import SEEDS, Recipe

__all__ = [
    "SEEDS",
    "VALIDATION_WINDOWS",
    "Batches",
    "CompiledStep",
    "Point",
    "Progress",
    "Recipe",
    "compiled_step",
    "train",
]
