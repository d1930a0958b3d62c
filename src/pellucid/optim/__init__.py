"""Optimizers, each a function `step(params, grads, state) -> params, state`, simplest first.

>>> import torch
>>> params, grads = {"w": torch.tensor([1.0])}, {"w": torch.tensor([0.5])}
>>> params, state = adamw(params, grads, None, learning_rate=0.1, weight_decay=0.0)
>>> params["w"]
tensor([0.9000])

Nothing is changed in place: the old parameters are still there after a step.
"""

from pellucid.optim.adam import BETAS, EPS, adam, adamw, adamw_rule, decay_groups
from pellucid.optim.clip import CLIP_EPS, clip_by_global_norm, clip_factor, global_norm
from pellucid.optim.finite_difference import DIFFERENCE_STEP, finite_difference_gradients
from pellucid.optim.schedule import noam, warmup_cosine
from pellucid.optim.sgd import MU, momentum, momentum_rule, sgd, sgd_rule
from pellucid.optim.step import Rule, State

OPTIMIZERS = {"sgd": sgd, "momentum": momentum, "adam": adam, "adamw": adamw}
"""By name, in order of what they remember."""

__all__ = [
    "BETAS",
    "CLIP_EPS",
    "DIFFERENCE_STEP",
    "EPS",
    "MU",
    "OPTIMIZERS",
    "Rule",
    "State",
    "adam",
    "adamw",
    "adamw_rule",
    "clip_by_global_norm",
    "clip_factor",
    "decay_groups",
    "finite_difference_gradients",
    "global_norm",
    "momentum",
    "momentum_rule",
    "noam",
    "sgd",
    "sgd_rule",
    "warmup_cosine",
]
