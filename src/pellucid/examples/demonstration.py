"""A demonstration: a few layers run on chosen numbers, to show one claim."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pellucid.text import Tokenizer
from pellucid.walkthrough import Walkthrough


class Shown(NamedTuple):
    """A model that a demonstration is about, and what it reads to begin with."""

    model: Any  # of any kind
    tokenizer: Tokenizer | None
    text: str
    source: str = ""  # of a model that reads two texts, the first


class Demonstration(NamedTuple):
    """A worked example that is a function: it runs the package's own code and describes the result.

    `walkthrough` is called anew for each walk, so that nothing shown is older than the code.
    `shown` is the model that it is about, where it is about one.
    """

    title: str
    about: str
    walkthrough: Callable[[], Walkthrough]
    shown: Callable[[], Shown] | None = None
