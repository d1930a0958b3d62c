"""Whole numbers that torchrun leaves in the environment."""

import os

from pellucid.errors import ConfigError


def number_in(name: str, default: int | None = None, *, least: int = 0, below: int = 2**31) -> int:
    """The number that an environment variable holds, or the default where it is not set.

    Raises `ConfigError` where it holds none in its range, or is not set and has no default.
    """
    said = os.environ.get(name)
    if said is None and default is not None:
        return default
    if said is None or not (said.isascii() and said.isdecimal() and least <= int(said) < below):
        came = "is not set" if said is None else f"is {said!r}"
        raise ConfigError(
            f"{name} in the environment must be a whole number from {least} to {below - 1}, and it "
            f"{came}: unset it, or let torchrun set it: torchrun --nproc-per-node 2 -m pellucid …"
        )
    return int(said)
