"""Long work stops between two of its parts to ask whether it is still wanted, and lets others go.

Who runs the work says how it pauses; where nobody did, it goes on.
"""

from collections.abc import Callable
from contextvars import ContextVar


class Stopped(Exception):  # noqa: N818 (no error: whoever asked has gone)
    """Nobody waits for the answer any more."""


pause: ContextVar[Callable[[], None]] = ContextVar("pause", default=lambda: None)
"""What work calls between two of its parts; raises `Stopped` where nobody waits for it."""
