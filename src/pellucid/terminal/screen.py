"""The terminal itself: it obeys nothing of a foreign text, and what it cannot take is said."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from pellucid.errors import PellucidError, WriteError
from pellucid.visible import visible

LINES = "\n\t"
"""The control characters that a text is printed with."""

REFUSED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}
"""What a write to an open file is refused with; files with a name are written elsewhere."""


class Screen(Console):
    """Rich's console, on which control characters of what is printed are shown and not sent."""

    def _write_buffer(self) -> None:
        # Not earlier: what is laid out first keeps its columns, and nothing is cut for its escapes.
        self._buffer[:] = [
            segment if segment.control else segment._replace(text=visible(segment.text, keep=LINES))
            for segment in self._buffer
        ]
        super()._write_buffer()


@contextmanager
def printing() -> Iterator[None]:
    """Around a whole command: `PellucidError` for what the system refuses.

    A full disk behind standard output is met when what was printed is written, at the latest at
    the end.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:
            raise PellucidError(
                f"{error.filename} must be a file that can be used, and it gave: {error.strerror}; "
                "give another"
            ) from None
        if error.errno not in REFUSED:
            raise
        _take_no_more()
        raise WriteError(
            f"what is printed must have room, and standard output gave: {error.strerror}; print "
            "to another place"
        ) from None


def _take_no_more() -> None:
    """What was not yet written is dropped: Python would try once more at the end, and complain."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
