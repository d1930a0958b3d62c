"""What is tried: an input drawn at random, and what takes it in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Target:
    """`take` is given an input and an empty folder, and answers how it ended, in a word or two.

    `inputs` is a function, since the files it begins with are made when they are first asked for.
    Whatever is against what the package promises is raised.
    """

    name: str
    inputs: Callable[[], SearchStrategy[Any]]
    take: Callable[[Any, Path], str]
