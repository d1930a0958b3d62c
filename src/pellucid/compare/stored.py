"""Numbers that a program computes from the configuration and keeps: how far off it may have them.

They are no parameters, and no step makes them of numbers that are shown: Adam's betas, and how far
rotary positions turn. Other programs keep them in float32 where they compute in that or in less.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from pellucid.compare.mutation import Mutation, argument
from pellucid.models.llama.wiring import llama_trunk
from pellucid.numbers import Rounded
from pellucid.numbers.spread import ERRORS
from pellucid.optim import adamw_rule


def stored(dtype: torch.dtype) -> tuple[Mutation, ...]:
    """What keeps them as a program has them that computes in this dtype."""
    turned = argument("config", lambda config: _Turning(config, _finest(dtype)))
    found = [Mutation({llama_trunk: turned})]
    if dtype != torch.float64:
        found.append(Mutation({adamw_rule: argument("betas", lambda betas: _betas(betas, dtype))}))
    return tuple(found)


def _finest(dtype: torch.dtype) -> torch.dtype:
    """The dtype itself, or float32 for one that is coarser."""
    return min(dtype, torch.float32, key=lambda one: torch.finfo(one).eps)


def _betas(betas: Iterable[float], dtype: torch.dtype) -> tuple[Rounded, ...]:
    unit = torch.finfo(_finest(dtype)).eps / 2
    exact = [torch.tensor(beta, dtype=torch.float64) for beta in betas]
    return tuple(Rounded(beta, beta * unit, dtype) for beta in exact)


@dataclass(frozen=True)
class _Turning:
    """A configuration whose frequencies are a little off, as they are where they are computed."""

    config: Any
    dtype: torch.dtype

    def __getattr__(self, name: str) -> Any:
        return getattr(self.config, name)

    def frequencies(self, device: torch.device) -> Rounded:
        """How far each pair turns from one position to the next."""
        exact = self.config.frequencies(device)
        unit = torch.finfo(self.dtype).eps / 2
        return Rounded(exact, ERRORS * unit * exact.abs(), self.dtype)
