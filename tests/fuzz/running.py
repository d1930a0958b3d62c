"""One command in this process, with little memory and time, and what holds however it ends."""

import contextlib
import io
import os
import resource
import signal
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from unittest import mock

from pellucid.cli import main

LONGEST = 60
"""Seconds after which a command is taken to hang; the slowest takes two."""

ROOM = 6 << 30
"""Bytes that a command may ask for beyond what the process has."""

PLAIN = {"\n", "\t"}


class HangError(Exception):
    """A command that does not end."""


def _too_long(signum: int, frame: FrameType | None) -> None:
    raise HangError(f"it did not end within {LONGEST} seconds")


def address_space() -> int:
    """Bytes of address space that this process has."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Less memory and time than a machine has: what asks for more fails here, and soon."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, _too_long)
    if Path("/proc/self/statm").exists():
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + ROOM, hard))
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def control_characters(text: str) -> set[str]:
    """What a terminal would obey and not show."""
    return {
        character
        for character in text
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in PLAIN
    }


def one_line(message: str) -> None:
    """A mistake of the user's is told in one line, and no terminal obeys it."""
    assert message.strip(), "an error says nothing"
    assert len(message.splitlines()) == 1, message
    assert not control_characters(message), repr(message)
    assert "please report" not in message, message


class Pipe(io.TextIOWrapper):
    """Standard output as a pipe is: UTF-8, and strict."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True)

    def said(self) -> str:
        """All that was written."""
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


def run_command(arguments: Sequence[str], folder: Path) -> str:
    """Run it in that folder; the answer is its exit code, in words.

    What Pellucid promises is asserted: an exit code of 0, 1 or 2, or of `compare` 3; with 2 one
    line of why; no traceback; nothing that a terminal obeys.
    """
    out, err = Pipe(), Pipe()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", ["pellucid", *arguments]),
        mock.patch.dict(os.environ, {"COLUMNS": "80", "HF_HUB_OFFLINE": "1"}),
        mock.patch("pellucid.train.memory.keep_memory", return_value=True),
        bounded(),
    ):
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = 0 if end.code is None else end.code
    said, told = out.said(), err.said()
    assert code in ({0, 1, 2, 3} if arguments[0] == "compare" else {0, 1, 2}), code
    assert not control_characters(said), repr(said[-2000:])
    assert not control_characters(told), repr(told[-2000:])
    if code == 2:
        last = told.splitlines()[-1] if told.splitlines() else ""
        usage = told.startswith("Usage: ")  # of an argument or option itself
        assert usage or last.startswith("pellucid: "), told
        if not usage:
            one_line(last.removeprefix("pellucid: "))
    return {0: "accepted", 1: "found wanting", 2: "refused", 3: "not judged"}[code]
