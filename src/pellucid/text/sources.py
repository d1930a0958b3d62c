"""Texts of any size, read once from end to end: from a file, gzipped or not, or standard input."""

import codecs
import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from pellucid.errors import TextError

STDIN = "-"

READ = 1 << 20
"""Bytes that are read at once."""

_GZIP = b"\x1f\x8b"  # no UTF-8 text begins so

Watch = Callable[[int], None]
"""Called with how many more bytes of a source were read."""


class TextSource:
    """A text and where it comes from; `name` is a path, or `-` for standard input.

    After `texts` has been gone through, `size` and `sha256` are those of the source's bytes, which
    are compressed ones if it is gzipped. Raises `TextError` where it cannot be read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sha256 = ""
        self.size: int | None = None
        self._kept: IO[bytes] | None = None
        if name != STDIN:
            with _reported(self.name):
                status = Path(name).stat()
                self.size = status.st_size if Path(name).is_file() else None

    def keep(self, file: IO[bytes]) -> None:
        """Copy standard input to `file`, so that it can be read more than once."""
        if self.name == STDIN:
            while block := _standard_input().read(READ):
                file.write(block)
            self.size = file.tell()
            self._kept = file

    def texts(self, watch: Watch = lambda _: None) -> Iterator[str]:
        """The text in parts of about a million characters; any line break is a line feed.

        A byte order mark at the beginning is left out.

        Raises `TextError` for bytes that are not UTF-8, with their place, and an empty text.
        """
        # As in a file that Python opens as text, so that a text is the same, read whole or so.
        decode = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8-sig")(), translate=True
        )
        done, characters = 0, 0
        with _reported(self.name), self._open() as raw:
            counted = _Counted(raw, watch)
            stream: Any = io.BufferedReader(counted, READ)
            if stream.peek(len(_GZIP)).startswith(_GZIP):
                stream = gzip.GzipFile(fileobj=stream)
            while True:
                block = stream.read(READ)
                try:
                    text = decode.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    # The decoder puts what it had kept of a character before the block.
                    place = done + len(block) - len(error.object) + error.start
                    raise TextError(
                        f"a text must be UTF-8, and {self.name} is not at byte {place}: convert "
                        "it first, for instance by iconv -t utf-8"
                    ) from None
                done += len(block)
                characters += len(text)
                if text:
                    yield text
                if not block:
                    break
        if not characters:
            raise TextError(f"a text must have at least one character, and {self.name} is empty")
        self.size, self.sha256 = counted.count, counted.hash.hexdigest()

    def _open(self) -> AbstractContextManager[IO[bytes]]:
        if self.name != STDIN:
            return Path(self.name).open("rb", buffering=0)
        if self._kept is None:
            return nullcontext(_standard_input())
        self._kept.seek(0)
        return nullcontext(self._kept)


class _Counted(io.RawIOBase):
    """Passes bytes on, counts them, and takes their hash."""

    def __init__(self, raw: IO[bytes], watch: Watch) -> None:
        self.raw, self.watch = raw, watch
        self.count = 0
        self.hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self.raw.read(len(buffer))
        buffer[: len(block)] = block
        self.count += len(block)
        self.hash.update(block)
        self.watch(len(block))
        return len(block)


def _standard_input() -> IO[bytes]:
    """Standard input; `TextError` where the process was started without one."""
    if sys.stdin is None:
        raise TextError("a text can be read from standard input, and it is closed: name a file")
    return sys.stdin.buffer


@contextmanager
def _reported(name: str) -> Iterator[None]:
    """Turns the errors of reading a file into one line each."""
    try:
        yield
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise TextError(
            f"a gzipped text must be whole, and {name} is not ({error}): copy it again"
        ) from None
    except OSError as error:
        raise TextError(
            f"a text must be a file that can be read, and {name} gave: {error.strerror}"
        ) from None
