"""One training at a time in a directory."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pellucid.errors import ConfigError

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Inside, no other process may train in the directory, which is made where it is not there.

    The lock is the system's, on the directory itself: it leaves no file, and ends with the process
    whatever ends that. Where there are no such locks, as on Windows and some network drives, none
    is taken. Raises `ConfigError` where another process has it.
    """
    new = not directory.exists()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{directory} must be a directory that can be made ({error.strerror}): choose another"
        ) from None
    try:
        with _lock(directory):
            yield
    except BaseException:
        if new and not any(directory.iterdir()):
            directory.rmdir()
        raise


@contextmanager
def _lock(directory: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    held = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"one training at a time may write a directory, and another is writing "
                f"{directory}: wait for it, or choose another directory"
            ) from None
        except OSError:
            pass  # this file system has no locks
        yield
        # A process that was forked from this one may still have the file open.
        fcntl.flock(held, fcntl.LOCK_UN)
    finally:
        os.close(held)
