"""Checks of a configuration's fields; each failure is one line."""

import math
from typing import Any

from pellucid.errors import ConfigError, did_you_mean

ACTIVATIONS = ("gelu_tanh", "gelu_erf", "relu")
NORMS = ("pre", "post")

DEPTH = 10_000
"""More layers than any model has; each has names and shapes, which are listed in memory."""


def check_sizes(config: Any, *names: str) -> None:
    """Raise `ConfigError` unless each is a whole number of at least 1; `n_inner` may be None."""
    for name in names:
        size = getattr(config, name)
        if name == "n_inner" and size is None:
            continue
        if type(size) is not int or size < 1:  # True is an int too
            raise ConfigError(f"{name} must be a whole number of at least 1, not {size!r}")


def check_depth(config: Any, *names: str) -> None:
    """Raise `ConfigError` for more layers than `DEPTH`, as a file may claim that has none."""
    for name in names:
        if getattr(config, name) > DEPTH:
            raise ConfigError(f"{name} must be at most {DEPTH:,}, not {getattr(config, name):,}")


def check_heads(config: Any) -> None:
    """Raise `ConfigError` unless the heads divide the width."""
    if config.n_embd % config.n_head:
        raise ConfigError(
            f"n_embd must be a multiple of n_head, and {config.n_embd} is not one of "
            f"{config.n_head}: change either"
        )


def check_rank(config: Any) -> None:
    """Raise `ConfigError` unless the rank of LoRA's matrices is a whole number, 0 for none."""
    if type(config.lora_rank) is not int or config.lora_rank < 0:
        raise ConfigError(
            f"lora_rank must be a whole number, 0 for a model without LoRA, not "
            f"{config.lora_rank!r}"
        )


def check_choice(config: Any, name: str, choices: tuple[str, ...]) -> None:
    """Raise `ConfigError` unless the field is one of the choices."""
    value = getattr(config, name)
    if value not in choices:
        near = did_you_mean(str(value), choices)
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {value!r}{near}")


def check_switches(config: Any, *names: str) -> None:
    """Raise `ConfigError` unless each is true or false."""
    for name in names:
        if not isinstance(getattr(config, name), bool):
            raise ConfigError(f"{name} must be true or false, not {getattr(config, name)!r}")


def check_eps(config: Any) -> None:
    """Raise `ConfigError` unless layer norm's eps is a positive number."""
    if not (isinstance(config.eps, int | float) and 0 < config.eps < math.inf):
        raise ConfigError(f"eps must be a small positive number such as 1e-5, not {config.eps!r}")


def check_shared(heads: int, processes: int, what: str = "heads") -> None:
    """Raise `ConfigError` unless so many processes can share the heads, each some whole ones."""
    if heads % processes:
        raise ConfigError(
            f"the {what} must be a multiple of the {processes} processes that share them, and "
            f"there are {heads}: take fewer, or a layout that shares only the batch"
        )
