"""A demonstration: a few layers run on chosen numbers, to show one claim."""

from collections.abc import Callable
from typing import NamedTuple

from pellucid.walkthrough import Walkthrough


class Demonstration(NamedTuple):
    """A worked example that is a function: it runs the package's own code and describes the result.

    `walkthrough` is called anew for each walk, so that nothing shown is older than the code.
    """

    title: str
    about: str
    walkthrough: Callable[[], Walkthrough]
