"""Files that are either complete or absent: write beside, flush to disk, rename."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from secrets import token_hex

from pellucid.errors import ConfigError

UNFINISHED = "[0-9a-f]" * 16
"""How the name of a file that is being written ends, after that of the file it will be."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`, at once.

    Whatever goes wrong in between, `path` is what it was before and nothing is left beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{token_hex(8)}")
    # Not mkstemp: the file is to get the permissions that the user's new files have, even if a
    # library puts a file of its own, with other permissions, in the place of this one.
    os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    permissions = beside.stat().st_mode
    try:
        yield beside
        beside.chmod(permissions)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _flush_directory(path.parent)


def clear_unfinished(path: Path) -> None:
    """Remove what a `whole_file` of this path left beside it in a process that was killed."""
    for beside in path.parent.glob(f".{escape(path.name)}.{UNFINISHED}"):
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, all of it or nothing; `ConfigError` where it cannot be."""
    try:
        with whole_file(path) as beside:
            beside.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path} must be where a file can be written, and it is not ({error.strerror}): choose "
            "another"
        ) from None


def _flush_directory(directory: Path) -> None:
    """Make the rename itself durable, where the system lets a directory be opened."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_room(directory: Path, *, overwrite: bool) -> None:
    """Make the directory; `ConfigError` where it cannot be, or holds files that are to stay.

    What a process that was killed was writing is removed, where nothing else is there or what is
    may be overwritten.
    """
    try:
        if directory.exists() and not directory.is_dir():
            raise ConfigError(f"{directory} must be a directory, and it is a file: choose another")
        there = list(directory.iterdir()) if directory.is_dir() else []
        unfinished = [path for path in there if path.match(f".?*.{UNFINISHED}") and path.is_file()]
        held = next((path for path in there if path not in unfinished), None)
        if held is None or overwrite:
            for path in unfinished:
                path.unlink(missing_ok=True)
        if held is not None and not overwrite:
            raise ConfigError(
                f"{directory} must be a new or an empty directory, and it holds files, for "
                f"instance {held.name}: choose another, or add --overwrite"
            )
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{directory} must be a directory that can be made ({error.strerror}): choose another"
        ) from None
