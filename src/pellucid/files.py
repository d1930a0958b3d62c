"""Files that are either complete or absent: write beside, flush to disk, rename. And JSON."""

import errno
import glob
import json
import mmap
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

from pellucid.errors import ConfigError, WriteError

STREAMS = ("/dev/fd/", "/dev/stdout", "/dev/stderr", "/proc/")
"""What begins so is written into, even where it leads to a file: another program may have it."""

NAME = 180
"""Bytes of a file's name that its temporary file's begins with: systems take 255 in all."""

UNFINISHED = "[0-9a-f]" * 16
"""How the name of a file that is being written ends, after that of the file it will be."""

LEVELS = 100
"""How deep a file's JSON may be nested: none that is meant has a tenth of it."""


def parse_json(text: str) -> Any:
    """The value of a JSON text; `ValueError` where it is none, or nested beyond all use.

    What reads the value may then go through it by recursion.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"nested in more than {LEVELS} levels") from None
    level = [value]
    for _ in range(LEVELS):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise ValueError(f"nested in more than {LEVELS} levels")
    return value


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def mapped(path: Path) -> mmap.mmap:
    """The bytes of a file, which stay in it until they are looked at; writing to them changes none.

    Raises `ValueError` where it is empty, and `OSError` where it cannot be read.
    """
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`, at once.

    Whatever goes wrong in between, `path` is what it was before and nothing is left beside it.
    A link stays, and the file that it leads to is replaced; a device or a pipe is written into.

    Raises `WriteError` in place of any `OSError`.
    """
    try:
        if _is_device(path):
            with TemporaryDirectory() as directory:
                beside = Path(directory) / path.name
                beside.touch()
                yield beside
                with beside.open("rb") as source, path.open("wb") as device:
                    shutil.copyfileobj(source, device)
        else:
            with _replacing(Path(os.path.realpath(path))) as beside:
                yield beside
    except OSError as error:
        raise _unwritable(path, error) from None


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    if _exists(path.parent) and not path.parent.is_dir():
        raise _refusal(errno.ENOTDIR)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = beside_of(path)
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
    target = Path(os.path.realpath(path))
    for beside in target.parent.glob(glob.escape(_beside(target)) + UNFINISHED):
        beside.unlink(missing_ok=True)


def beside_of(path: Path) -> Path:
    """A new name beside a file, under which `clear_unfinished` finds what was left there."""
    return path.with_name(f"{_beside(path)}{token_hex(8)}")


def _beside(path: Path) -> str:
    """What the name of a file's temporary file begins with."""
    return f".{path.name.encode(errors='surrogateescape')[:NAME].decode(errors='ignore')}."


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, all of it or nothing; `WriteError` where it cannot be."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")


def check_writable(path: Path) -> None:
    """Raise `WriteError` where no file can be written, before anything is computed for it."""
    try:
        if _is_device(path):
            return
        target = Path(os.path.realpath(path))
        there = next(place for place in (target, *target.parents) if _exists(place))
        if there == target and target.is_dir():
            raise _refusal(errno.EISDIR)
        if there != target and not there.is_dir():
            raise _refusal(errno.ENOTDIR)
        directory = there if there.is_dir() else there.parent
        if not os.access(directory, os.W_OK | os.X_OK):
            raise _refusal(errno.EACCES)
    except OSError as error:
        raise _unwritable(path, error) from None


def _exists(path: Path) -> bool:
    """Whether it is there; unlike `Path.exists` it raises for what can never be, on any Python."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _is_device(path: Path) -> bool:
    """Whether it is there and neither a file nor a directory, or leads to what a process has open.

    A file cannot take the place of such a thing.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or str(path).startswith(STREAMS)


def _refusal(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _unwritable(path: Path, error: OSError) -> WriteError:
    return WriteError(
        f"{path} must be where a file can be written, and it is not ({error.strerror or error}): "
        "make room there, or choose another"
    )


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
        if _exists(directory) and not directory.is_dir():
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
