"""What a lesson shows: a recorded run, and what is known beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import torch

from pellucid.checkpoint import open_model
from pellucid.examples import Example, find_example
from pellucid.shipped import SHIPPED_MODEL
from pellucid.tape import Tape
from pellucid.train import Trace, record_step
from pellucid.walkthrough import Walkthrough


@dataclass(frozen=True)
class Run:
    """A way through a run, and facts that words or exercises name and no tape holds."""

    walkthrough: Walkthrough
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def tape(self) -> Tape:
        """The run's tape."""
        return self.walkthrough.tape


Runs = Callable[[], Run]
"""What makes a run, when it is asked for."""


@cache
def example_run(name: str) -> Run:
    """The run of a worked example, with its optimizer's step where it takes one."""
    example = find_example(name)
    if isinstance(example, Example):
        return Run(example.walkthrough(example.update))
    return Run(example.walkthrough())


@cache
def text_trace(text: str, model: str = SHIPPED_MODEL) -> Trace:
    """The record of a trained model that reads a text in float64, without a step."""
    opened, tokenizer = open_model(model, dtype=torch.float64)
    return record_step(opened, tokenizer.prompt(text), tokenizer, update=None)
